"""The embedded engine: CMU PocketSphinx with the US English model that its wheel carries.

It hears clear, short English sentences on any machine, in lower case and without punctuation.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from parley_kit.errors import InternalError, SettingsError
from parley_stt.audio import SAMPLE_RATE
from parley_stt.audio.samples import Audio
from parley_stt.endpointing import FRAME_S, Endpointing, Span, loudness, speaking, utterances
from parley_stt.engine import Listening, Options, Segment, Word
from parley_stt.engines.rehearing import rehearing
from parley_stt.engines.workers import WorkerError, WorkerPool
from parley_stt.settings import SttSettings
from parley_stt.voice import FRAME_SAMPLES, VoiceDetector

log = logging.getLogger("parley.stt.engine")

HARMLESS = frozenset({"prompt", "keywords", "temperature"})
"""Options that this engine leaves unused: they are hints, and a transcript without them is right.

Its vocabulary is fixed, and it does not sample.
"""

# An utterance has 20 s at most, and takes a worker half of that, or twice that on a busy machine.
_PATIENCE_S = 60.0


class PocketsphinxEngine:
    """Splits audio at silences, and has a pool of processes transcribe the utterances."""

    def __init__(self, settings: SttSettings) -> None:
        """
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
            "parley_stt.engines.pocketsphinx_child", settings.workers, _PATIENCE_S
        )

    async def start(self) -> None:
        await self._pool.start()
        async for _ in self.transcribe(_tone(), Options()):
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
            words = await self._hear(audio.samples[start:end])
            if words:
                yield _segment(span, words, audio.seconds)

    def listen(self, options: Options) -> AbstractAsyncContextManager[Listening]:
        """See `SttEngine.listen`."""
        return rehearing(self, options)

    def _spans(self, samples: NDArray[np.int16], options: Options) -> list[Span]:
        endpointing = options.endpointing or Endpointing(threshold=0.0)
        speech = speaking(self._voice.probabilities(samples), endpointing.threshold)
        return utterances(speech, loudness(samples), endpointing)

    async def _hear(self, samples: NDArray[np.int16]) -> list[tuple[str, float, float, float]]:
        try:
            answer = await self._pool.ask(samples.astype("<i2").tobytes())
        except WorkerError as exc:
            log.error("an utterance was lost", exc_info=exc)
            raise InternalError from exc
        words: list[tuple[str, float, float, float]] = json.loads(answer)
        return words


def _segment(
    span: Span, heard: Sequence[tuple[str, float, float, float]], seconds: float
) -> Segment:
    def within(time: float) -> float:
        return round(min(span.start * FRAME_S + time, seconds), 2)

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
        no_speech_prob=1 - span.speech / (span.end - span.start),
    )


def _tone() -> Audio:
    """Half a second that the VAD takes for speech, so that the whole path is warm."""
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    return Audio((8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16))
