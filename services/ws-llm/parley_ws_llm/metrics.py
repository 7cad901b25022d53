"""What an operator sees of the conversations."""

import time
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from parley_kit.metrics import VOICE_BUCKETS_S

Outcome = Literal["complete", "cancelled", "abandoned", "refused", "failed"]


class ChatMetrics:
    """Turns by outcome, fixed answers by category, time to the first token, open sockets."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._turns = Counter("parley_turns", "Turns by outcome.", ["outcome"], registry=registry)
        self._ttft = Histogram(
            "parley_ttft_seconds",
            "From the arrival of a chat to the first text of its answer (TTFT).",
            buckets=VOICE_BUCKETS_S,
            registry=registry,
        )
        self._fixed = Counter(
            "parley_fixed_answers",
            "Answers without the model, by what was found in the message or the answer.",
            ["category"],
            registry=registry,
        )
        self.sockets = Gauge("parley_open_sockets", "Open WebSockets.", registry=registry)

    def fixed_answer(self, category: str) -> None:
        self._fixed.labels(category).inc()

    def ended(self, outcome: Outcome, stopwatch: "Stopwatch") -> None:
        self._turns.labels(outcome).inc()
        if stopwatch.ttft_s is not None:
            self._ttft.observe(stopwatch.ttft_s)


class Stopwatch:
    """Times one turn from its arrival."""

    __slots__ = ("_started", "ttft_s")

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.ttft_s: float | None = None

    def first_token(self) -> None:
        """Called at every token; the first one counts."""
        if self.ttft_s is None:
            self.ttft_s = self.elapsed_s

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._started
