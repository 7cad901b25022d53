"""Child processes as the kernel accounts for them (Linux's /proc)."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from parley.errors import ServiceFailed

_CPUCLOCK_SCHED = 2


def cpu_seconds(pid: int) -> float:
    """User and system time of one process with all its threads.

    /proc counts it in ticks of 10 ms; the process's own clock (`clock_getcpuclockid(3)`, which
    Python lacks) does in nanoseconds.
    """
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and all its descendants, shared pages counted each time."""
    return sum(own_resident_bytes(one) for one in (pid, *descendants(pid)))


def own_resident_bytes(pid: int) -> int:
    """Resident memory of one process; none of one that has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def children(pid: int) -> list[int]:
    """Those at this moment; none of a process that has ended."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [child for task in tasks for child in _children_of(task)]


def _children_of(task: Path) -> list[int]:
    try:
        return [int(child) for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []  # the thread has just ended


def descendants(pid: int) -> list[int]:
    return [one for child in children(pid) for one in (child, *descendants(child))]


@contextmanager
def ready_process(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    timeout_s: float = 300,
) -> Iterator[tuple["subprocess.Popen[str]", Mapping[str, object]]]:
    """A process that prints one JSON line when it is ready; ended when the context is left.

    Raises:
        ServiceFailed: it ended before; with the last line that it wrote.
    """
    environment = {k: v for k, v in environment.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as child,
    ):
        try:
            yield child, _first_json(child, log)
        finally:
            child.terminate()
            child.wait(timeout_s)


def _first_json(child: "subprocess.Popen[str]", log: TextIO) -> Mapping[str, object]:
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("{"):
            ready: Mapping[str, object] = json.loads(line)
            return ready
    log.seek(0)
    last = (log.read().splitlines() or ["It said nothing."])[-1]
    raise ServiceFailed(f"A process of the benchmark ended before it was ready. {last}")


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
