"""What the engine is given of an utterance: all that is said, and not the silence after it.

In a pause the engine is asked for the transcript of what was said until then. If nothing follows,
that is the transcript of the turn, and it is there when the silence has been long enough to end it:
most of the engine's time passes while the client is waiting for that anyway.
"""

import asyncio

import numpy as np

from parley_stt.audio import SAMPLE_RATE
from parley_stt.engine import Listening
from parley_stt.realtime.tape import Samples
from parley_stt.realtime.utterance import Utterance

PAUSE_S = 0.2
"""Silence after which a pause may be the end; shorter ones are between words."""

_PAUSE_SAMPLES = round(PAUSE_S * SAMPLE_RATE)


class Ear:
    """Passes an utterance on to the engine, as it grows."""

    def __init__(self, utterance: Utterance, listening: Listening, patience_s: float) -> None:
        """
        Args:
            patience_s: how long the engine may take to hear; the client may take its time.
        """
        self._utterance = utterance
        self._listening = listening
        self._patience_s = patience_s
        self._held: list[Samples] = []
        self.given = 0
        """Samples that the engine has."""

    @property
    def given_s(self) -> float:
        return self.given / SAMPLE_RATE

    @property
    def has_all(self) -> bool:
        """Whether the engine has all that was said, and a pause after it."""
        return self.given >= self._utterance.speech_end + _PAUSE_SAMPLES

    async def listen(self) -> None:
        """Pass on what has arrived, or keep it while it is silence that nobody needs.

        Raises:
            TimeoutError: the engine takes too long.
        """
        self._held.append(await self._utterance.next())
        if self.has_all:
            return
        samples = np.concatenate(self._held)
        self._held.clear()
        self.given += len(samples)
        async with asyncio.timeout(self._patience_s):
            await self._listening.hear(samples)
