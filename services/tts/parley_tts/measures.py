"""What the engine costs: seconds, and seconds for each second of speech."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from prometheus_client import CollectorRegistry, Counter, Histogram

from parley_kit.metrics import VOICE_BUCKETS_S
from parley_tts.engine import Chunk

_RTF_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 5)


class SynthesisMetrics:
    """The metrics that only the TTS service has."""

    def __init__(self, registry: CollectorRegistry, sample_rate: int) -> None:
        self._rate = sample_rate
        self._seconds = Histogram(
            "parley_tts_synthesis_seconds",
            "Engine time of a whole speech.",
            buckets=VOICE_BUCKETS_S,
            registry=registry,
        )
        self._rtf = Histogram(
            "parley_tts_rtf",
            "Engine time of a whole speech for each second of it (RTF).",
            buckets=_RTF_BUCKETS,
            registry=registry,
        )
        self._audio = Counter(
            "parley_tts_audio_seconds", "Speech that was synthesised.", registry=registry
        )

    async def watch(self, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
        """The same chunks; counted when they end, also when they are cut short."""
        engine_s = audio_s = 0.0
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    engine_s += chunk.engine_s
                    audio_s += len(chunk.samples) / self._rate
                    yield chunk
        finally:
            if audio_s and engine_s:  # neither an echo of the cache nor mere silence
                self._audio.inc(audio_s)
                self._seconds.observe(engine_s)
                self._rtf.observe(engine_s / audio_s)
