"""`parley bench llm`: what the edge inside vLLM costs, and what the proxy engine does.

The model is a stand-in that says words at a pace, as what is measured is the way to it. Both sides
of a comparison run at the same time and are asked in turn.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from urllib.error import HTTPError
from urllib.request import urlopen

from parley.bench.figures import Report
from parley.bench.llm_client import Asker, drain_all, first_tokens
from parley.bench.process import cpu_seconds, python, ready_process
from parley.bench.served import served

_PAIRS = 6
_ROUNDS = 2
_STREAMS = 32
_EVENTS = 900
_EVERY_S = 0.005
_QUESTIONS = 300
_HANG_UPS = 200
_AT_A_TIME = 50
_FREED_WITHIN_S = 1.0


def measure(step: Callable[[str], None]) -> Report:
    report = Report("llm")
    _edge_cpu(report, step)
    with _pair() as (bare, edge):
        _edge_first_token(report, bare.port, edge.port, step)
        upstream = {"engine": "proxy", "upstream_url": f"http://127.0.0.1:{bare.port}/v1"}
        with served("llm", upstream) as proxy:
            proxy_port = int(proxy.url.rpartition(":")[2])
            _proxy_first_token(report, bare.port, proxy_port, step)
            _proxy_hang_ups(report, bare.port, proxy_port, step)
    return report


@dataclass(frozen=True, slots=True)
class _Side:
    """One server of a comparison."""

    pid: int
    port: int


@contextmanager
def _pair() -> Iterator[tuple[_Side, _Side]]:
    """The bare server, and the one behind the edge."""
    server = "parley.bench.llm_servers"
    with (
        ready_process(python(server, "bare")) as (bare, bare_ready),
        ready_process(python(server, "edge")) as (edge, edge_ready),
    ):
        sides = _Side(bare.pid, _port(bare_ready)), _Side(edge.pid, _port(edge_ready))
        _wait_until_ready(sides[1].port)
        yield sides


def _edge_cpu(report: Report, step: Callable[[str], None]) -> None:
    """Of several pairs of processes: two that run the same code differ by some 4 %."""
    costs: list[tuple[float, float]] = []
    for number in range(_PAIRS):
        step(f"CPU per event, pair {number + 1} of {_PAIRS}")
        with _pair() as pair:
            costs += _costs(pair)
    bare, edge = (median(side) for side in zip(*costs, strict=True))
    how = (
        f"{_STREAMS} streams of {_EVENTS} events 5 ms apart, medians of {_PAIRS} pairs of "
        f"processes with {_ROUNDS} rounds in turn each; vLLM's application stood in for"
    )
    report.add("edge: CPU per SSE event", edge / bare, "x", 1.05, how)
    report.add("CPU per SSE event, edge", edge * 1e6, "µs", None, "")
    report.add("CPU per SSE event, bare", bare * 1e6, "µs", None, "")


def _costs(pair: tuple[_Side, _Side]) -> list[tuple[float, float]]:
    """Seconds per event of both, in each round."""
    bare, edge = pair
    rounds = []
    for number in range(_ROUNDS + 1):
        cost = {side: _cpu_per_event(side) for side in (pair if number % 2 else pair[::-1])}
        rounds.append((cost[bare], cost[edge]))
    return rounds[1:]  # the first warms up


def _cpu_per_event(side: _Side) -> float:
    before = cpu_seconds(side.pid)
    asyncio.run(drain_all(side.port, _STREAMS, events=_EVENTS, every_s=_EVERY_S))
    return (cpu_seconds(side.pid) - before) / (_STREAMS * _EVENTS)


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
