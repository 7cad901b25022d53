"""`parley bench gateway`: what the gateway adds to a call, nginx in front of one service."""

import asyncio
from collections.abc import Callable
from statistics import median

from parley.bench.figures import Report, percentile
from parley.bench.gateway_nginx import gateway
from parley.bench.http import Connection, overheads
from parley.bench.process import python, ready_process

_ROUNDS = 5
_CLIENTS = 50
_REQUESTS = 12
_STREAMS = 100
_HOST = "127.0.0.1"

_Sides = tuple[int, int]
"""The ports of the service and of the gateway."""


def measure(step: Callable[[str], None]) -> Report:
    """Both sides in turn, round by round; a difference per round, the median of all."""
    report = Report("gateway")
    with ready_process(python("parley.bench.kit_servers", "behind")) as (_, ready):
        port = int(str(ready["port"]))
        settings = {"GATEWAY_MAX_PER_ADDRESS": "1000"}
        with gateway({"stt": f"{_HOST}:{port}"}, **settings) as front:
            _added_latency(report, (port, front.port), step)
            _added_first_byte(report, (port, front.port), step)
    return report


def _added_latency(report: Report, sides: _Sides, step: Callable[[str], None]) -> None:
    added: list[tuple[float, float]] = []
    for number in range(_ROUNDS):
        step(f"latency at {_CLIENTS} in flight, round {number + 1} of {_ROUNDS}")
        direct, through = (_latencies(port) for port in sides)
        p50, p99 = (percentile(through, p) - percentile(direct, p) for p in (50, 99))
        added.append((p50, p99))
    how = (
        f"beyond an engine's 0.2-0.8 s, less that of the direct call, {_ROUNDS} rounds of "
        f"{_CLIENTS * _REQUESTS} requests in turn, median"
    )
    report.add("added p50 at 50 in flight", median(p for p, _ in added) * 1e3, "ms", 1.0, how)
    report.add("added p99 at 50 in flight", median(p for _, p in added) * 1e3, "ms", 3.0, how)


def _latencies(port: int) -> list[float]:
    return asyncio.run(overheads(_HOST, port, _CLIENTS, _REQUESTS, "/stt/wait"))


def _added_first_byte(report: Report, sides: _Sides, step: Callable[[str], None]) -> None:
    added = []
    for number in range(_ROUNDS):
        step(f"first byte of a stream, round {number + 1} of {_ROUNDS}")
        direct, through = asyncio.run(_first_bytes(sides))
        added.append(median(through) - median(direct))
    how = (
        f"median of {_STREAMS} streams one after the other, less that of the direct call, which "
        f"comes in turn with it, {_ROUNDS} rounds, median"
    )
    report.add("added first byte of a stream", median(added) * 1e3, "ms", 1.0, how)


async def _first_bytes(sides: _Sides) -> tuple[list[float], list[float]]:
    seen: tuple[list[float], list[float]] = ([], [])
    async with Connection(_HOST, sides[0]) as direct, Connection(_HOST, sides[1]) as through:
        for _ in range(_STREAMS):
            for connection, seconds in zip((direct, through), seen, strict=True):
                seconds.append(await connection.first_byte("/stt/soon"))
    return seen
