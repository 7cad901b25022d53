"""The embedded engine: CMU PocketSphinx with the US English model that its wheel carries.

It hears clear, short English sentences on any machine, in lower case and without punctuation.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from parley_kit.errors import InternalError, Overloaded, SettingsError
from parley_stt.audio import SAMPLE_RATE
from parley_stt.audio.samples import Audio
from parley_stt.endpointing import FRAME_S, Endpointing, Span, loudness, speaking, utterances
from parley_stt.engine import Options, Segment, Word
from parley_stt.engines import pocketsphinx_protocol as protocol
from parley_stt.engines.pocketsphinx_protocol import Ask, Heard
from parley_stt.engines.workers import NoWorker, Worker, WorkerError, WorkerPool
from parley_stt.settings import SttSettings
from parley_stt.voice import FRAME_SAMPLES, VoiceDetector

log = logging.getLogger("parley.stt.engine")

HARMLESS = frozenset({"prompt", "keywords", "temperature"})
"""Options that this engine leaves unused: they are hints, and a transcript without them is right.

Its vocabulary is fixed, and it does not sample.
"""

# An utterance has 20 s at most. To decode it takes a worker a quarter of that, or more on a busy
# machine; one that is being spoken keeps a worker until it is over.
_PATIENCE_S = 60.0
_RETRY_AFTER_S = 5


class PocketsphinxEngine:
    """Splits audio at silences, and has a pool of processes transcribe the utterances."""

    def __init__(self, settings: SttSettings, patience_s: float = _PATIENCE_S) -> None:
        """
        Args:
            patience_s: how long a worker may take for an utterance, and be waited for.

        Raises:
            SettingsError: pocketsphinx is not installed.
        """
        if find_spec("pocketsphinx") is None:
            raise SettingsError(
                "STT_ENGINE=pocketsphinx needs its package: pip install 'parley-stt[pocketsphinx]'."
            )
        self.models: Sequence[str] = ("pocketsphinx", *settings.served_models)
        self.languages: Mapping[str, str] = {"en": "english"}
        self.translates = False
        self._voice = VoiceDetector()
        self._pool = WorkerPool(
            "parley_stt.engines.pocketsphinx_child", settings.workers, patience_s
        )

    async def start(self) -> None:
        await self._pool.start()
        async for _ in self.transcribe(_tone(), Options(endpointing=None)):
            pass

    async def close(self) -> None:
        await self._pool.close()

    def status(self) -> Mapping[str, object]:
        return {
            "engine": "pocketsphinx",
            "model": "en-us",
            "device": "cpu",
            "workers": self._pool.pids,
        }

    async def transcribe(self, audio: Audio, options: Options) -> AsyncGenerator[Segment, None]:
        """See `SttEngine.transcribe`."""
        for span in await asyncio.to_thread(self._spans, audio.samples, options):
            start, end = span.start * FRAME_SAMPLES, span.end * FRAME_SAMPLES
            with _errors_for_callers():
                words = await self._pool.ask(_question(Ask.WHOLE, audio.samples[start:end]))
            heard = protocol.words(words)
            if heard:
                no_speech = 1 - span.speech / (span.end - span.start)
                yield _segment(heard, span.start * FRAME_S, audio.seconds, no_speech)

    @asynccontextmanager
    async def listen(self, options: Options) -> AsyncIterator["SpokenToWorker"]:
        """See `SttEngine.listen`. Waits for a worker, which the utterance has to itself."""
        with _errors_for_callers():
            async with self._pool.lend() as worker:
                await worker.ask(_question(Ask.BEGIN))
                yield SpokenToWorker(worker)

    def _spans(self, samples: NDArray[np.int16], options: Options) -> list[Span]:
        endpointing = options.endpointing or Endpointing(threshold=0.0)
        speech = speaking(self._voice.probabilities(samples), endpointing.threshold)
        return utterances(speech, loudness(samples), endpointing)


class SpokenToWorker:
    """A `Listening`: a worker decodes the utterance while it is being spoken."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._samples = 0

    async def hear(self, samples: NDArray[np.int16]) -> None:
        """Returns when it has been decoded."""
        self._samples += len(samples)
        await self._ask(Ask.MORE, samples)

    async def interim(self) -> str:
        return protocol.transcript(await self._ask(Ask.INTERIM))

    async def final(self) -> Sequence[Segment]:
        heard = protocol.words(await self._ask(Ask.FINAL))
        return [_segment(heard, 0.0, self._samples / SAMPLE_RATE)] if heard else []

    async def _ask(self, ask: Ask, samples: NDArray[np.int16] | None = None) -> bytes:
        with _errors_for_callers():
            return await self._worker.ask(_question(ask, samples))


@contextmanager
def _errors_for_callers() -> Iterator[None]:
    """What befell a worker, as a caller is told it."""
    try:
        yield
    except NoWorker as exc:
        raise Overloaded("All workers are busy.", retry_after_s=_RETRY_AFTER_S) from exc
    except WorkerError as exc:
        log.error("an utterance was lost", exc_info=exc)
        raise InternalError from exc


def _question(ask: Ask, samples: NDArray[np.int16] | None = None) -> bytes:
    return protocol.question(ask, b"" if samples is None else samples.astype("<i2").tobytes())


def _segment(
    heard: Sequence[Heard], offset_s: float, seconds: float, no_speech_prob: float = 0.0
) -> Segment:
    """
    Args:
        offset_s: where in the audio the utterance begins.
        seconds: how long the audio is.
    """

    def within(time: float) -> float:
        return min(round(offset_s + time, 2), seconds)

    words = tuple(
        Word(text, within(start), within(end), probability)
        for text, start, end, probability in heard
    )
    return Segment(
        start=words[0].start,
        end=words[-1].end,
        text="".join(f" {word.text}" for word in words),
        language="en",
        words=words,
        avg_logprob=sum(word.logprob for word in words) / len(words),
        no_speech_prob=no_speech_prob,
    )


def _tone() -> Audio:
    """Half a second of sound, so that the whole path is warm."""
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    return Audio((8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16))
