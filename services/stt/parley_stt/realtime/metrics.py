"""What an operator sees of the sessions."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from parley_kit.metrics import VOICE_BUCKETS_S

Outcome = Literal["completed", "failed", "unasked"]


class RealtimeMetrics:
    """Open sessions, items by outcome, and how long after the end of speech a transcript is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sessions = Gauge(
            "parley_stt_realtime_sessions", "Open realtime sessions.", registry=registry
        )
        self._items = Counter(
            "parley_stt_realtime_items",
            "Items of realtime sessions by outcome.",
            ["outcome"],
            registry=registry,
        )
        self._final = Histogram(
            "parley_stt_realtime_final_seconds",
            "From the end of an utterance to its final transcript.",
            buckets=VOICE_BUCKETS_S,
            registry=registry,
        )

    def ended(self, outcome: Outcome) -> None:
        self._items.labels(outcome).inc()

    def final(self, seconds: float) -> None:
        self._final.observe(seconds)
