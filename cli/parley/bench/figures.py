"""What a benchmark says: figures with their goals, as a table or as JSON."""

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `goal` is the most that it may be, or None where there is none."""

    name: str
    value: float
    unit: str
    goal: float | None
    how: str

    @property
    def ok(self) -> bool:
        return self.goal is None or self.value <= self.goal


@dataclass(slots=True)
class Report:
    """The figures of one suite on one machine."""

    suite: str
    figures: list[Figure] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, goal: float | None, how: str) -> None:
        self.figures.append(Figure(name, value, unit, goal, how))

    @property
    def ok(self) -> bool:
        return all(figure.ok for figure in self.figures)

    def as_json(self) -> dict[str, object]:
        figures = [{**asdict(figure), "ok": figure.ok} for figure in self.figures]
        return {"suite": self.suite, "machine": machine(), "figures": figures}

    def print(self, console: Console) -> None:
        table = Table(title=f"bench {self.suite}, {machine()}", title_justify="left")
        for column in ("figure", "value", "goal", "", "how"):
            table.add_column(column, justify="right" if column in ("value", "goal") else "left")
        for figure in self.figures:
            goal = "" if figure.goal is None else f"≤ {_number(figure.goal)} {figure.unit}"
            verdict = "" if figure.goal is None else "[green]ok[/]" if figure.ok else "[red]no[/]"
            value = f"{_number(figure.value)} {figure.unit}"
            table.add_row(figure.name, value, goal, verdict, figure.how)
        console.print(table)


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def histogram_percentile(buckets: Sequence[tuple[float, float]], percent: float) -> float:
    """A percentile from cumulative buckets (upper bound, count), linear inside a bucket.

    The same estimate as `histogram_quantile` of Prometheus.
    """
    rank = buckets[-1][1] * percent / 100
    lower, below = 0.0, 0.0
    for upper, count in buckets:
        if count >= rank:
            if math.isinf(upper) or count == below:
                return lower
            return lower + (upper - lower) * (rank - below) / (count - below)
        lower, below = upper, count
    return lower


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Substitutions, deletions and insertions that turn one into the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(reference, 1):
        above, row[0] = row[:], i
        for j, other in enumerate(heard, 1):
            row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (word != other))
    return row[-1]


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
