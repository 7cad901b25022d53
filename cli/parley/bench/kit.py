"""`parley bench kit`: what the kit costs over bare Starlette on the same server."""

import asyncio
from collections.abc import Callable
from statistics import median

from parley.bench.figures import Report, percentile
from parley.bench.http import drain_all, overheads
from parley.bench.kit_servers import EVENTS
from parley.bench.process import cpu_seconds, python, ready_process

_ROUNDS = 5
_STREAMS = 64
_CLIENTS = 50
_REQUESTS = 12
_HOST = "127.0.0.1"


def measure(step: Callable[[str], None]) -> Report:
    """Both sides in turn, round by round; a ratio or a difference per round, the median of all."""
    report = Report("kit")
    server = "parley.bench.kit_servers"
    with (
        ready_process(python(server, "bare")) as (bare, bare_ready),
        ready_process(python(server, "kit")) as (kit, kit_ready),
    ):
        sides = (bare.pid, _port(bare_ready)), (kit.pid, _port(kit_ready))
        _sse_cost(report, sides, step)
        _added_latency(report, sides, step)
    return report


_Sides = tuple[tuple[int, int], tuple[int, int]]


def _sse_cost(report: Report, sides: _Sides, step: Callable[[str], None]) -> None:
    costs: list[tuple[float, float]] = []
    for number in range(_ROUNDS + 1):
        step(f"CPU per SSE event, round {number} of {_ROUNDS}")
        bare, kit = (_cpu_per_event(pid, port) for pid, port in sides)
        costs.append((bare, kit))
    costs = costs[1:]  # the first warms up
    how = (
        f"{_STREAMS} streams of {EVENTS} events 10 ms apart, {_ROUNDS} rounds in turn, "
        "median of the ratios"
    )
    report.add("CPU per SSE event", median(k / b for b, k in costs), "x", 1.15, how)
    report.add("CPU per SSE event, kit", median(k for _, k in costs) * 1e6, "µs", None, "")
    report.add("CPU per SSE event, bare", median(b for b, _ in costs) * 1e6, "µs", None, "")


def _cpu_per_event(pid: int, port: int) -> float:
    before = cpu_seconds(pid)
    asyncio.run(drain_all(_HOST, port, "/events", _STREAMS))
    return (cpu_seconds(pid) - before) / (_STREAMS * EVENTS)


def _added_latency(report: Report, sides: _Sides, step: Callable[[str], None]) -> None:
    added: list[float] = []
    for number in range(_ROUNDS):
        step(f"latency at {_CLIENTS} in flight, round {number + 1} of {_ROUNDS}")
        bare, kit = (_p99_s(port) for _, port in sides)
        added.append(kit - bare)
    how = (
        f"p99 beyond an engine's 0.2-0.8 s, less that of a no-op app, {_ROUNDS} rounds of "
        f"{_CLIENTS * _REQUESTS} requests in turn, median"
    )
    report.add("added p99 at 50 in flight", median(added) * 1e3, "ms", 2.0, how)


def _p99_s(port: int) -> float:
    return percentile(asyncio.run(overheads(_HOST, port, _CLIENTS, _REQUESTS)), 99)


def _port(ready: object) -> int:
    assert isinstance(ready, dict)
    return int(ready["port"])
