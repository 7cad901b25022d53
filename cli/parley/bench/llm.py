"""`parley bench llm`: what the edge inside vLLM costs, and what the proxy engine does.

The model is a stand-in that says words at a pace, as what is measured is the way to it. Both sides
of a comparison run at the same time and are asked in turn.
"""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from statistics import median
from urllib.error import HTTPError
from urllib.request import urlopen

from parley.bench.figures import Report
from parley.bench.llm_client import Asker, drain_all, first_tokens
from parley.bench.process import cpu_seconds, python, ready_process
from parley.bench.served import served

_ROUNDS = 7
_STREAMS = 64
_EVENTS = 300
_EVERY_S = 0.01
_QUESTIONS = 300
_HANG_UPS = 200
_AT_A_TIME = 50
_FREED_WITHIN_S = 1.0


def measure(step: Callable[[str], None]) -> Report:
    report = Report("llm")
    server = "parley.bench.llm_servers"
    with (
        ready_process(python(server, "bare")) as (bare, bare_ready),
        ready_process(python(server, "edge")) as (edge, edge_ready),
    ):
        bare_port, edge_port = _port(bare_ready), _port(edge_ready)
        _wait_until_ready(edge_port)
        _edge_cpu(report, (bare.pid, bare_port), (edge.pid, edge_port), step)
        _edge_first_token(report, bare_port, edge_port, step)
        upstream = {"engine": "proxy", "upstream_url": f"http://127.0.0.1:{bare_port}/v1"}
        with served("llm", upstream) as proxy:
            proxy_port = int(proxy.url.rpartition(":")[2])
            _proxy_first_token(report, bare_port, proxy_port, step)
            _proxy_hang_ups(report, bare_port, proxy_port, step)
    return report


_Side = tuple[int, int]


def _edge_cpu(report: Report, bare: _Side, edge: _Side, step: Callable[[str], None]) -> None:
    costs: list[tuple[float, float]] = []
    for number in range(_ROUNDS + 1):
        step(f"CPU per event, round {number} of {_ROUNDS}")
        sides = (bare, edge) if number % 2 else (edge, bare)
        cost = {side: _cpu_per_event(*side) for side in sides}
        costs.append((cost[bare], cost[edge]))
    costs = costs[1:]  # the first warms up
    how = (
        f"{_STREAMS} streams of {_EVENTS} events 10 ms apart, {_ROUNDS} rounds in turn, "
        "median of the ratios; vLLM's application stood in for"
    )
    report.add("edge: CPU per SSE event", median(e / b for b, e in costs), "x", 1.05, how)
    report.add("CPU per SSE event, edge", median(e for _, e in costs) * 1e6, "µs", None, "")
    report.add("CPU per SSE event, bare", median(b for b, _ in costs) * 1e6, "µs", None, "")


def _cpu_per_event(pid: int, port: int) -> float:
    before = cpu_seconds(pid)
    asyncio.run(drain_all(port, _STREAMS, events=_EVENTS, every_s=_EVERY_S))
    return (cpu_seconds(pid) - before) / (_STREAMS * _EVENTS)


def _edge_first_token(report: Report, bare: int, edge: int, step: Callable[[str], None]) -> None:
    step("first token through the edge")
    without, with_it = asyncio.run(first_tokens((bare, edge), _QUESTIONS))
    how = f"p50 of {_QUESTIONS} questions, less that without it, asked in turn"
    added = median(with_it) - median(without)
    report.add("edge: added first-token time", added * 1e3, "ms", 0.5, how)


def _proxy_first_token(report: Report, bare: int, proxy: int, step: Callable[[str], None]) -> None:
    step("first token through the proxy")
    direct, through = asyncio.run(first_tokens((bare, proxy), _QUESTIONS))
    how = f"p50 of {_QUESTIONS} questions, less that of the upstream itself, asked in turn"
    added = median(through) - median(direct)
    report.add("proxy: added first-token time", added * 1e3, "ms", 1.0, how)


def _proxy_hang_ups(report: Report, bare: int, proxy: int, step: Callable[[str], None]) -> None:
    left, slowest = 0, 0.0
    for done in range(0, _HANG_UPS, _AT_A_TIME):
        step(f"hang-ups, {done} of {_HANG_UPS}")
        still, seconds = asyncio.run(_hang_up(bare, proxy))
        left += still
        slowest = max(slowest, seconds)
    how = f"of {_HANG_UPS} callers, {_AT_A_TIME} at a time, half of them before the first token"
    report.add("proxy: upstream places still taken after 1 s", left, "places", 0, how)
    report.add("slowest place to be free", slowest * 1e3, "ms", None, "")


async def _hang_up(bare: int, proxy: int) -> tuple[int, float]:
    """What the upstream does after all callers have gone.

    Returns:
        How many answers it still gives a second later, and how long the last one took to end.
    """
    async with AsyncExitStack() as open_ones:
        callers = [await open_ones.enter_async_context(Asker(proxy)) for _ in range(_AT_A_TIME)]
        for index, caller in enumerate(callers):
            await _begin(caller, hears_something=index % 2 == 0)
        await asyncio.to_thread(_wait_for, bare, _AT_A_TIME, 30.0)
        started = time.perf_counter()
    still = await asyncio.to_thread(_wait_for, bare, 0, _FREED_WITHIN_S)
    return still, time.perf_counter() - started


async def _begin(caller: Asker, *, hears_something: bool) -> None:
    if hears_something:
        await caller.begin(read_first=True, events=10_000, every_s=0.05)
    else:
        await caller.begin(read_first=False, events=1, first_after_s=30)


def _wait_for(port: int, running: int, within_s: float) -> int:
    """How many answers are under way when there are `running`, or when the time is up."""
    deadline = time.perf_counter() + within_s
    while (seen := _get(port, "/running")["running"]) != running:
        if time.perf_counter() > deadline:
            break
        time.sleep(0.005)
    return seen


def _wait_until_ready(port: int) -> None:
    while not _is_ready(port):
        time.sleep(0.05)


def _is_ready(port: int) -> bool:
    try:
        return bool(_get(port, "/readyz"))
    except HTTPError:
        return False


def _get(port: int, path: str) -> dict[str, int]:
    with urlopen(f"http://127.0.0.1:{port}{path}") as reply:
        answer: dict[str, int] = json.load(reply)
        return answer


def _port(ready: object) -> int:
    assert isinstance(ready, dict)
    return int(ready["port"])
