"""Checks run side by side, each with a deadline: one that hangs holds up no other."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from parley.doctor.findings import Finding, Line, failure

Look = Callable[[], Awaitable[Sequence[Line]]]


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at; `look` gives at least one line."""

    group: str
    name: str
    look: Look
    deadline_s: float = 20.0
    on_timeout: str = "Try again; this machine or the network may be busy."


async def run(
    checks: Sequence[Check], on_progress: Callable[[int, Sequence[str]], None]
) -> list[Finding]:
    """All findings in the order of the checks.

    Args:
        on_progress: told how many checks are done, and the names of those under way.
    """
    waiting = [check.name for check in checks]
    on_progress(0, waiting)

    async def one(check: Check) -> list[Finding]:
        found = await _findings(check)
        waiting.remove(check.name)
        on_progress(len(checks) - len(waiting), waiting)
        return found

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(check), name=f"check {check.name}") for check in checks]
    return [finding for task in tasks for finding in task.result()]


async def _findings(check: Check) -> list[Finding]:
    started = time.perf_counter()
    lines = await _lines(check)
    took_s = time.perf_counter() - started
    return [Finding(check.group, check.name, line, took_s) for line in lines]


async def _lines(check: Check) -> Sequence[Line]:
    try:
        async with asyncio.timeout(check.deadline_s):
            return await check.look()
    except TimeoutError:
        return [failure(f"no answer within {check.deadline_s:g} s", check.on_timeout)]
