"""`parley bench ws`: what the WebSocket assistant adds, holds, withstands and never misses."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from statistics import median
from typing import TypeVar

from parley.bench.figures import Report, percentile
from parley.bench.process import python, ready_process, resident_bytes
from parley.bench.served import Served, served
from parley.bench.ws_client import direct, first_deltas, opened, relayed
from parley.bench.ws_flags import measure as measure_red_flags
from parley.bench.ws_upstream import DELTAS, EVERY_S

_STREAMS = 100
_ROUNDS = 3
_IDLE = 1_000
_VICTIMS, _ASKS = 8, 15
_FLOOD_ROUNDS = 3
_FLOOD_SOCKETS = 32
_PAUSE_S = 1.0

T = TypeVar("T")


def measure(step: Callable[[str], None]) -> Report:
    report = Report("ws")
    measure_red_flags(report, step)
    with ready_process(python("parley.bench.ws_upstream")) as (_, ready):
        port = int(str(ready["port"]))
        with served("ws-llm", _settings(port)) as service:
            _relay(report, service, port, step)
            asyncio.run(_idle(report, service, step))
        with served("ws-llm", _upstream(port)) as service:
            _flood(report, service, step)
    return report


def _upstream(port: int) -> dict[str, object]:
    return {
        "llm_base_url": f"http://127.0.0.1:{port}/v1",
        "model": "bench",
        "api_keys": "a,b",
    }


def _settings(port: int) -> dict[str, object]:
    """With room for what is measured; a flood meets the limits that everybody gets."""
    return {
        **_upstream(port),
        "max_concurrency": _STREAMS,
        "max_in_flight_per_key": _STREAMS,
        "max_connections": 2 * _IDLE,
        "max_connections_per_key": 2 * _IDLE,
    }


def _relay(report: Report, service: Served, port: int, step: Callable[[str], None]) -> None:
    added, alone = [], []
    for number in range(_ROUNDS + 1):
        step(f"{_STREAMS} streams, round {number} of {_ROUNDS}")
        straight = asyncio.run(_together(lambda: direct(port), _STREAMS))
        through = asyncio.run(_together(lambda: relayed(service.url, "a"), _STREAMS))
        assert len(straight) == len(through) == _STREAMS * DELTAS
        alone.append(percentile(straight, 99))
        added.append(percentile(through, 99) - alone[-1])
    how = (
        f"p99 of {_STREAMS * DELTAS} deltas {EVERY_S * 1e3:.0f} ms apart on {_STREAMS} streams, "
        f"less that without the assistant, {_ROUNDS} rounds in turn, median"
    )
    report.add("relay: added delay per delta, p99", median(added[1:]) * 1e3, "ms", 3.0, how)
    report.add("relay: delay without the assistant, p99", median(alone[1:]) * 1e3, "ms", None, "")


async def _together(make: Callable[[], Awaitable[Sequence[T]]], count: int) -> list[T]:
    results = await asyncio.gather(*(make() for _ in range(count)))
    return [one for result in results for one in result]


def _flood(report: Report, service: Served, step: Callable[[str], None]) -> None:
    quiet, flooded = [], []
    for number in range(_FLOOD_ROUNDS):
        step(f"a flood, round {number + 1} of {_FLOOD_ROUNDS}")
        quiet.append(_victims_p95(service))
        command = python("parley.bench.ws_flood", service.url, "a", str(_FLOOD_SOCKETS))
        with ready_process(command):
            time.sleep(_PAUSE_S)
            flooded.append(_victims_p95(service))
        time.sleep(_PAUSE_S)
    how = (
        f"time to the first delta on {_VICTIMS} sockets of one key, {_VICTIMS * _ASKS} chats, "
        f"while {_FLOOD_SOCKETS} of another send without end, over that without them, "
        f"median of {_FLOOD_ROUNDS} rounds"
    )
    ratios = [flood / calm for calm, flood in zip(quiet, flooded, strict=True)]
    report.add("flood: another key's p95", median(ratios), "x", 1.2, how)
    report.add("flood: p95 without it", median(quiet) * 1e3, "ms", None, "")


def _victims_p95(service: Served) -> float:
    times = asyncio.run(_together(lambda: first_deltas(service.url, "b", _ASKS), _VICTIMS))
    return percentile(times, 95)


async def _idle(report: Report, service: Served, step: Callable[[str], None]) -> None:
    step(f"{_IDLE} idle sockets")
    async with AsyncExitStack() as sockets:
        for _ in range(20):  # what the first sockets alone cost is not a socket's
            await sockets.enter_async_context(opened(service.url, "a"))
        before = resident_bytes(service.pid)
        for _ in range(_IDLE):
            await sockets.enter_async_context(opened(service.url, "a"))
        await asyncio.sleep(_PAUSE_S)
        grown = resident_bytes(service.pid) - before
    how = f"resident memory of the service, {_IDLE} open sockets"
    report.add("memory of an idle socket", grown / _IDLE / 1e3, "kB", 100, how)
