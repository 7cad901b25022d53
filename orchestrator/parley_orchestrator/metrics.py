"""What Prometheus scrapes of a worker: the board, on which the processes of all calls write."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from parley_kit.metrics import VOICE_BUCKETS_S
from parley_orchestrator.board import Board, BoardFailed, MemberReport
from parley_orchestrator.persona import EXCUSES

_TURNS_READ = 500


@dataclass(frozen=True, slots=True)
class Load:
    """How many calls are on, and how many a worker takes at most."""

    calls_on: Callable[[], int]
    max_calls: int


class WorkerMetrics(Collector):
    """Breakers, failures, answers, latencies; while the board is broken only that it is."""

    def __init__(
        self,
        board: Board,
        members: Sequence[str],
        load: Load,
    ) -> None:
        self._board = board
        self._members = tuple(members)
        self._load = load
        self._counted: frozenset[tuple[str, float]] = frozenset()
        self._answered = Counter(
            "parley_turns", "Turns by who answered them.", ["member"], registry=None
        )
        self._stages = Histogram(
            "parley_turn_stage_seconds",
            "Stages of a turn; total is from the end of speech to the first audio.",
            ["stage"],
            buckets=VOICE_BUCKETS_S,
            registry=None,
        )

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the board."""
        return ()

    def collect(self) -> Iterable[Metric]:
        try:
            reports = [self._board.member(name) for name in self._members]
            excuses = self._board.excuses()
            self._count_new_turns()
        except BoardFailed:
            return [_board(ok=False), *_calls(self._load)]
        return [
            _board(ok=True),
            *_calls(self._load),
            *_members(reports),
            _excuses(excuses),
            *self._answered.collect(),
            *self._stages.collect(),
        ]

    def _count_new_turns(self) -> None:
        """The board keeps the latest turns only: each is counted when it is seen first."""
        turns = self._board.turns(_TURNS_READ)
        for turn in turns:
            if (turn.call, turn.at) not in self._counted:
                self._answered.labels(turn.member or "nobody").inc()
                for stage, seconds in turn.stages.items():
                    self._stages.labels(stage).observe(seconds)
        self._counted = frozenset((turn.call, turn.at) for turn in turns)


def _board(*, ok: bool) -> Metric:
    return GaugeMetricFamily(
        "parley_board_ok", "1 while the worker's shared state can be read.", value=float(ok)
    )


def _calls(load: Load) -> Iterable[Metric]:
    return [
        GaugeMetricFamily("parley_calls_on", "Calls that are on.", value=load.calls_on()),
        GaugeMetricFamily(
            "parley_calls_limit", "Calls that the worker takes at most.", value=load.max_calls
        ),
    ]


def _excuses(counts: Mapping[str, int]) -> Metric:
    made = CounterMetricFamily(
        "parley_excuses",
        "How often callers were told that an answer is late, failed or broke off, or that they"
        " cannot be heard.",
        labels=["kind"],
    )
    for kind in EXCUSES:
        made.add_metric([kind], counts.get(kind, 0))
    return made


def _members(reports: Sequence[MemberReport]) -> Iterable[Metric]:
    available = GaugeMetricFamily(
        "parley_llm_available",
        "0 while the breaker of a model is open.",
        labels=["member"],
    )
    streak = GaugeMetricFamily(
        "parley_llm_consecutive_failures",
        "Failures in a row while the breaker is closed.",
        labels=["member"],
    )
    changes = CounterMetricFamily(
        "parley_llm_breaker_changes", "How often a breaker opened or closed.", labels=["member"]
    )
    served = CounterMetricFamily(
        "parley_llm_answers", "Answers that a model began.", labels=["member"]
    )
    failed = CounterMetricFamily(
        "parley_llm_failures", "Failed attempts by kind.", labels=["member", "kind"]
    )
    for report in reports:
        available.add_metric([report.name], float(report.state != "open"))
        streak.add_metric([report.name], report.breaker.failures)
        changes.add_metric([report.name], report.breaker.generation)
        served.add_metric([report.name], report.served)
        for failures in report.failures:
            failed.add_metric([report.name, failures.kind], failures.count)
    return [available, streak, changes, served, failed]
