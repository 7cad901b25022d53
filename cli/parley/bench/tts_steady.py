"""Requests that come again and again: what the cache makes of them, and what memory does."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from statistics import linear_regression, median

from parley.bench.figures import Report
from parley.bench.process import resident_bytes
from parley.bench.served import Served, served
from parley.bench.tts_client import TtsCaller

_GREETING = "Thank you for calling. How can I help you today?"
_REPEATS = 30
_SETTLING = 500
_REQUESTS = 2_000
_EVERY = 50
_CALLERS = 4
_VOICE = "alloy"
# So that a request is soon over; what is left behind does not depend on how much was said.
_SPEED = 4.0


def measure(report: Report, settings: Mapping[str, object], step: Callable[[str], None]) -> None:
    with served("tts", settings) as service:
        asyncio.run(_repeated(report, service, step))
    with served("tts", {**settings, "cache_mb": 1}) as service:
        asyncio.run(_memory(report, service, step))


async def _repeated(report: Report, service: Served, step: Callable[[str], None]) -> None:
    step(f"one phrase {_REPEATS} times")
    async with TtsCaller(service.url, "tts-1", _VOICE) as caller:
        await caller.hear(_GREETING)
        firsts = [(await caller.hear(_GREETING)).first_s for _ in range(_REPEATS)]
    how = f"a greeting that has been said before, median of {_REPEATS}"
    report.add("repeated phrase: first byte", median(firsts) * 1e3, "ms", 10, how)


async def _memory(report: Report, service: Served, step: Callable[[str], None]) -> None:
    numbers = count()
    sizes: list[tuple[int, float]] = []
    async with TtsCaller(service.url, "tts-1", _VOICE, _SPEED) as caller:
        step(f"{_SETTLING} requests until memory has settled")
        await _ask(caller, numbers, _SETTLING)
        for done in range(0, _REQUESTS + 1, _EVERY):
            step(f"{done} of {_REQUESTS} requests")
            sizes.append((done, resident_bytes(service.pid) / 1e6))
            if done < _REQUESTS:
                await _ask(caller, numbers, _EVERY)
    how = f"least squares over {_REQUESTS} requests of {_CALLERS} callers, after {_SETTLING} more"
    report.add("memory per 1,000 requests", 1_000 * slope(sizes), "MB", 1.0, how)
    report.add("resident memory", sizes[-1][1], "MB", None, "at the end of these")


async def _ask(caller: TtsCaller, numbers: Iterator[int], requests: int) -> None:
    """Short texts of about the same length, none of which is still in the cache."""

    async def one(share: int) -> None:
        for _ in range(share):
            await caller.hear(f"Number {100 + next(numbers) * 467 % 900}.")

    await asyncio.gather(*(one(requests // _CALLERS) for _ in range(_CALLERS)))


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line through the points by least squares."""
    x, y = zip(*points, strict=True)
    return linear_regression(x, y).slope
