"""What an operator sees of the streams."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from parley_kit.metrics import VOICE_BUCKETS_S

Outcome = Literal["done", "cancelled", "failed"]


class StreamMetrics:
    """Open sessions, utterances by outcome, and the time from first text to first audio."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sessions = Gauge(
            "parley_tts_stream_sessions", "Open text-in streams.", registry=registry
        )
        self._utterances = Counter(
            "parley_tts_stream_utterances",
            "Utterances of text-in streams by outcome.",
            ["outcome"],
            registry=registry,
        )
        self._first_audio = Histogram(
            "parley_tts_stream_first_audio_seconds",
            "From when the engine takes the first text of an utterance to its first audio.",
            buckets=VOICE_BUCKETS_S,
            registry=registry,
        )

    def ended(self, outcome: Outcome) -> None:
        self._utterances.labels(outcome).inc()

    def first_audio(self, seconds: float) -> None:
        self._first_audio.observe(seconds)
