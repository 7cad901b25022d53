"""What a child process does first, so that it can do no harm. Imports little: children are many.

A child that reads what strangers wrote does three things: it is confined before it imports
anything, bounded once it knows how much there is to read, and sealed before it looks at it.
"""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

NICENESS = 5
_LOWEST_NICENESS = 19
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def confine(*, cpu_s: int | None = None, niceness: int = NICENESS) -> None:
    """Yield to the parent, die with it, leave no core file, and gain no rights."""
    os.nice(niceness)
    _limit(resource.RLIMIT_CORE, 0)
    if cpu_s is not None:
        _limit(resource.RLIMIT_CPU, cpu_s)
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def bound_memory(more_bytes: int) -> None:
    """Let the process have so much memory beside what it has now."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _limit(resource.RLIMIT_AS, pages * resource.getpagesize() + more_bytes)


def yield_after(cpu_s: float) -> None:
    """Give way to all others once so much CPU time has been used from now on.

    So what is short is answered soon on a busy machine too, and what is long is in nobody's way.
    """
    signal.signal(signal.SIGPROF, _be_least_urgent)
    signal.setitimer(signal.ITIMER_PROF, cpu_s)


def seal() -> None:
    """Give up opening files and sockets, writing files and starting processes, for good.

    Pipes that are open go on working. So whatever a parser is talked into, there is no file that
    it could read and nobody whom it could call.
    """
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 0)


def _be_least_urgent(*_: object) -> None:
    os.nice(_LOWEST_NICENESS)  # on top of what it is; the kernel stops at the lowest


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (ceiling, ceiling))
