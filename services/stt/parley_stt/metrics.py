"""Metrics of transcription, beside those that every service has."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from prometheus_client import CollectorRegistry, Counter, Histogram

from parley_kit.metrics import VOICE_BUCKETS_S
from parley_stt.audio.samples import Audio
from parley_stt.engine import Segment

_RTF_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 5)


class SttMetrics:
    """How much audio was heard, and how fast."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._audio = Counter(
            "parley_stt_audio_seconds", "Seconds of audio transcribed.", registry=registry
        )
        self._inference = Histogram(
            "parley_stt_inference_seconds",
            "Time that the engine took for one transcription.",
            buckets=VOICE_BUCKETS_S,
            registry=registry,
        )
        self._rtf = Histogram(
            "parley_stt_rtf",
            "Real-time factor (RTF): inference time by duration of the audio.",
            buckets=_RTF_BUCKETS,
            registry=registry,
        )

    async def measured(
        self, audio: Audio, segments: AsyncGenerator[Segment, None]
    ) -> AsyncGenerator[Segment, None]:
        """`segments`, with the time spent waiting for them observed when they are complete."""
        spent = 0.0
        async with aclosing(segments):
            while True:
                asked = time.perf_counter()
                segment = await anext(segments, None)
                spent += time.perf_counter() - asked
                if segment is None:
                    break
                yield segment
        self._audio.inc(audio.seconds)
        self._inference.observe(spent)
        if audio.seconds:
            self._rtf.observe(spent / audio.seconds)
