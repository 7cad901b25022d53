"""`parley bench compose`: the demo stack in containers, started, and restarted while it is used.

`compose-build` measures how long its images take to build.
"""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

from parley.bench.compose_load import Load, Outcome, load
from parley.bench.compose_stack import SERVICES, ComposeStack, demo_stack
from parley.bench.figures import Report
from parley.bench.ports import free_port
from parley.errors import ServiceFailed

_STARTS = 3
_CALLERS = 1
_KEY = "key-of-the-benchmark"
_HEALTHY_WITHIN_S = 120.0
_QUESTION = Path(__file__).parents[3] / "examples" / "question.wav"
# An answer of the scripted model then takes about a second.
_TOKENS_PER_S = "80"


def measure(step: Callable[[str], None]) -> Report:
    report = Report("compose")
    with _stack() as stack:
        step("building what is not built yet")
        stack.run("build", "--quiet")
        _starts(report, stack, step)
        asyncio.run(_restarts(report, stack, step))
    return report


def _stack() -> AbstractContextManager[ComposeStack]:
    settings = {
        "API_KEYS": _KEY,
        "GATEWAY_ADDRESS": "127.0.0.1",
        "GATEWAY_PORT": str(free_port()),
        "GATEWAY_TLS_PORT": str(free_port()),
        "LLM_SCRIPTED_TOKENS_PER_S": _TOKENS_PER_S,
    }
    return demo_stack(f"parley-bench-{os.getpid()}", settings)


def _starts(report: Report, stack: ComposeStack, step: Callable[[str], None]) -> None:
    seconds = []
    for number in range(_STARTS):
        step(f"start {number + 1} of {_STARTS}")
        stack.run("down", "--volumes", "--timeout", "5")
        started = time.perf_counter()
        stack.run("up", "--detach", "--no-build")
        stack.wait_healthy(_HEALTHY_WITHIN_S)
        seconds.append(time.perf_counter() - started)
    how = f"docker compose up, until every container is healthy; median of {_STARTS}"
    report.add("built images to all healthy", median(seconds), "s", 30, how)


async def _restarts(report: Report, stack: ComposeStack, step: Callable[[str], None]) -> None:
    for service in SERVICES:
        step(f"restart of {service}")
        stack.wait_healthy(_HEALTHY_WITHIN_S)
        await _restart(report, stack, service)


async def _restart(report: Report, stack: ComposeStack, service: str) -> None:
    async with load(stack.url(), _KEY, _QUESTION.read_bytes(), _CALLERS) as running:
        await _until(lambda: _is_warm(running))
        stopped = time.monotonic()
        await asyncio.to_thread(stack.run, "restart", service)
        await _until(lambda: running.away_s(service, stopped) is not None)
    how = f"docker compose restart, {_CALLERS} caller of each service all the time"
    lost = [*running.lost(service, stopped), *running.broken()]
    told = "; ".join([how, *lost[:1]])
    report.add(f"restart of {service}, lost in flight", len(lost), "requests", 0, told)
    away_s = running.away_s(service, stopped)
    assert away_s is not None
    report.add(f"restart of {service}, served again", away_s, "s", 5, "after the command")


def _is_warm(running: Load) -> bool:
    return all(
        sum(one.outcome is Outcome.SERVED for one in attempts) >= 3
        for attempts in running.attempts.values()
    )


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _HEALTHY_WITHIN_S
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceFailed("The callers were not served in time.")
        await asyncio.sleep(0.02)
