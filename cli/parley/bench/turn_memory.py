"""What a call takes of memory, and what many calls leave behind."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

from parley.bench.figures import Report
from parley.bench.process import (
    descendants,
    own_resident_bytes,
    python,
    ready_process,
    resident_bytes,
)
from parley.bench.tts_steady import slope
from parley.bench.turn_call import Call, answering, clean_environment, last_words
from parley.bench.turn_fakes import Fakes
from parley.bench.turn_phone import AUDIBLE, Phone
from parley.errors import ServiceFailed

_CALLS = 50
_SETTLING = 5
_EVERY = 5
_SPEECH_S = 0.7
_LOOK_S = 0.05
_WITHIN_S = 60.0


async def measure(report: Report, fakes: Fakes, step: Callable[[str], None]) -> None:
    sizes, taken = [], []
    async with _worker(fakes) as (pid, called):
        processes = len(descendants(pid))
        for number in range(_CALLS + 1):
            if number % _EVERY == 0:
                await _at_rest(pid, processes)
                if number >= _SETTLING:
                    sizes.append((float(number), resident_bytes(pid) / 1e6))
            step(f"calls in a row, {number} of {_CALLS}")
            taken.append(await _one(pid, called))
        await _at_rest(pid, processes)
    how = f"resident memory of its process over that when it was idle, the most of {_CALLS} calls"
    report.add("memory of a call", max(taken) / 1e6, "MB", 150, how)
    how = f"all its processes between calls, {_CALLS} in a row, least squares after {_SETTLING}"
    report.add("growth per call", slope(sizes), "MB", 1.0, how)
    how = "all its processes, shared pages counted each time"
    report.add("the worker at the end, idle", sizes[-1][1], "MB", None, how)


@asynccontextmanager
async def _worker(fakes: Fakes) -> AsyncGenerator[tuple[int, "asyncio.Queue[Phone]"], None]:
    """Its process, and the phones that it calls."""
    async with answering(Phone) as (address, called):
        command = python("parley.bench.turn_calls", *address.split(":"))
        environment = clean_environment(fakes.environment(chain="gemini,qwen"))
        with ready_process(command, environment=environment) as (child, _):
            yield child.pid, called


async def _one(pid: int, called: "asyncio.Queue[Phone]") -> int:
    """One call with one turn.

    Returns:
        How many bytes its process has grown by since it was idle.
    """
    idle = _sizes(pid)
    os.kill(pid, signal.SIGUSR1)
    call = Call(await asyncio.wait_for(called.get(), _WITHIN_S))
    await call.phone.greeted()
    await call.ask(last_words(_SPEECH_S), AUDIBLE)
    now = _sizes(pid)
    call.phone.hang_up()
    return max(now[one] - idle[one] for one in now.keys() & idle.keys())


def _sizes(pid: int) -> Mapping[int, int]:
    return {one: own_resident_bytes(one) for one in (pid, *descendants(pid))}


async def _at_rest(pid: int, processes: int) -> None:
    """Wait until the processes of calls have gone."""
    deadline = time.monotonic() + _WITHIN_S
    while len(descendants(pid)) > processes:
        if time.monotonic() > deadline:
            raise ServiceFailed("The process of a call of the benchmark did not end.")
        await asyncio.sleep(_LOOK_S)
