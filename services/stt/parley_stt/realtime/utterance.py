"""An utterance on its way from the reader, who hears it, to the transcriber, who writes it."""

import asyncio
from dataclasses import dataclass, field

import numpy as np

from parley_stt.engine import Options
from parley_stt.realtime.tape import Samples


@dataclass(slots=True)
class Utterance:
    """The audio of one item; one task adds to it, one takes from it."""

    item_id: str
    options: Options | None
    """None: nobody asked what is said."""
    logprobs: bool
    spoken: bool
    """Whether the VAD heard it; else the client committed it, and it may be silence or long."""
    samples: int = 0
    """How much there has been of it so far."""
    speech_end: int = 0
    """How many of them there had been when the speaker was last heard."""
    ended_at: float | None = None
    """When no more audio would come, on the clock of the event loop."""
    abandoned: bool = False
    """Whether nobody wants to know what was said."""
    _pieces: list[Samples] = field(default_factory=list)
    _pending: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pending(self) -> int:
        """Samples that the transcriber has not taken yet."""
        return self._pending

    @property
    def pausing(self) -> bool:
        """Whether the speaker is silent at the moment."""
        return self.speech_end < self.samples

    def add(self, samples: Samples, silence: int = 0) -> None:
        """More of it; the last `silence` samples, of earlier calls too, are silence."""
        self._pieces.append(samples)
        self.samples += len(samples)
        self.speech_end = self.samples - silence
        self._pending += len(samples)
        self._news.set()

    def end(self) -> None:
        """There will be no more."""
        self.ended_at = asyncio.get_running_loop().time()
        self._news.set()

    def abandon(self) -> None:
        self.abandoned = True
        self.end()

    async def next(self) -> Samples:
        """What has arrived since the last call; waits unless the utterance has ended."""
        await self._news.wait()
        taken = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
        self._pieces, self._pending = [], 0
        if self.ended_at is None:
            self._news.clear()
        return taken
