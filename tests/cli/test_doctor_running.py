"""Checks run side by side, end in time, and leave no process behind."""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from parley.doctor.commands import CommandFailed, CommandHung, NotInstalled, output_of, run_command
from parley.doctor.findings import Line, Verdict, ok
from parley.doctor.running import Check, run
from tests.serving import wait_until

pytestmark = pytest.mark.anyio


async def never() -> Sequence[Line]:
    await asyncio.Event().wait()
    return [ok("never")]


async def test_a_check_that_hangs_fails_in_time_and_holds_up_no_other() -> None:
    async def fine() -> Sequence[Line]:
        return [ok("one"), ok("two")]

    hanging = Check("g", "hangs", never, deadline_s=0.05, on_timeout="look there")
    findings = await run([hanging, Check("g", "fine", fine)], lambda done, waiting: None)

    assert [finding.check for finding in findings] == ["hangs", "fine", "fine"]
    assert findings[0].line.verdict is Verdict.FAILURE
    assert findings[0].line.todo == "look there"


async def test_checks_run_at_the_same_time() -> None:
    met = asyncio.Barrier(5)

    async def meet() -> Sequence[Line]:
        await met.wait()
        return [ok("met")]

    checks = [Check("g", str(i), meet, deadline_s=5) for i in range(5)]
    findings = await run(checks, lambda done, waiting: None)

    assert all(finding.line.verdict is Verdict.OK for finding in findings)


async def test_progress_tells_what_is_waited_for() -> None:
    told: list[tuple[int, list[str]]] = []
    checks = [Check("g", name, never, deadline_s=s) for name, s in (("slow", 0.2), ("quick", 0.01))]

    await run(checks, lambda done, waiting: told.append((done, list(waiting))))
    assert told == [(0, ["slow", "quick"]), (1, ["slow"]), (2, [])]


async def test_a_program_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/child; wait"
    started = time.monotonic()
    with pytest.raises(CommandHung, match=r"did not end within 0\.5 s"):
        await run_command("sh", "-c", script, deadline_s=0.5)

    assert time.monotonic() - started < 20
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not is_running(child), 10, "the child has ended")


def is_running(pid: int) -> bool:
    """Whether it runs; one that ended and that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


async def test_a_program_that_is_not_there_or_fails_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled):
        await output_of(str(tmp_path / "nothing"))
    with pytest.raises(CommandFailed, match="ended with status 3") as failed:
        await output_of("sh", "-c", "echo why >&2; exit 3")
    assert failed.value.said == "why"


async def test_what_a_program_writes_is_text_whatever_it_is() -> None:
    assert await output_of("printf", r"\377ok") == "\ufffdok"
