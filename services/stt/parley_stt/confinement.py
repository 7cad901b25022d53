"""What a child process does first, so that it can do no harm. Imports little: children are many."""

import ctypes
import os
import resource
import signal
import sys

_NICENESS = 5
_PR_SET_PDEATHSIG = 1


def confine(*, memory_bytes: int | None = None, cpu_s: int | None = None) -> None:
    """Yield to the parent, die with it, leave no core file, and stay inside the limits given."""
    os.nice(_NICENESS)
    _limit(resource.RLIMIT_CORE, 0)
    if memory_bytes is not None:
        _limit(resource.RLIMIT_AS, memory_bytes)
    if cpu_s is not None:
        _limit(resource.RLIMIT_CPU, cpu_s)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (ceiling, ceiling))
