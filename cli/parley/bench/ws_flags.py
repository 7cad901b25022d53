"""The red-flag screen on its lists, where the checkout with them is at hand."""

import time
from collections.abc import Callable
from pathlib import Path

from parley.bench.figures import Report, percentile
from parley.errors import BadInput
from parley_ws_llm.screen import screen

_LISTS = Path("tests/ws_llm")
_ROUNDS = 5


def measure(report: Report, step: Callable[[str], None]) -> None:
    """
    Raises:
        BadInput: the lists are not below the current folder.
    """
    step("red flags")
    emergencies, benign = _lines("emergencies.txt"), _lines("benign.txt")
    flags = screen.load("red_flags")
    missed = 100 * sum(flags(text) is None for text in emergencies) / len(emergencies)
    alarms = 100 * sum(flags(text) is not None for text in benign) / len(benign)
    report.add("red flags: missed", missed, "%", 0.0, f"{len(emergencies)} emergencies")
    report.add("red flags: false alarms", alarms, "%", 5.0, f"{len(benign)} benign messages")
    times = [_fastest_s(flags, text) for text in (*emergencies, *benign)]
    how = f"the slowest message, the fastest of {_ROUNDS} times"
    report.add("red flags: time", max(times) * 1e3, "ms", 1.0, how)
    report.add("red flags: time, median", percentile(times, 50) * 1e3, "ms", None, "")


def _fastest_s(flags: screen.Screen, text: str) -> float:
    """Of several: what the machine does meanwhile is not the screen's."""
    seen = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        flags(text)
        seen.append(time.perf_counter() - started)
    return min(seen)


def _lines(name: str) -> list[str]:
    path = _LISTS / name
    if not path.is_file():
        raise BadInput(f"There is no {path} here: run this in a checkout of Parley.")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "== "))]
