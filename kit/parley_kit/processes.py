"""Child processes as their parent sees them: started without secrets, ended without a trace."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress

_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_", "TZ", "PYTHON", "VIRTUAL_ENV", "COVERAGE")
_READ_BYTES = 1 << 16


async def spawn(module: str, *arguments: object, keep: Sequence[str] = ()) -> Process:
    """Run a module of this installation with pipes for stdin and stdout.

    Args:
        keep: what the names of further variables begin with that the child may see.
    """
    # -P: the working directory is no place to import from. A session of its own: Ctrl-C at a
    # terminal is for the parent, which ends its children when their work is done.
    command = (sys.executable, "-P", "-m", module, *map(str, arguments))
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=environment(os.environ, keep),
        start_new_session=True,
    )


def kill(process: Process) -> None:
    """Kill a child unless it is known to have ended.

    `Process.kill` would look first whether it has, and so reap it behind the back of the event
    loop, which then knows no exit status.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


async def end(process: Process) -> int:
    """Kill a child unless it has ended, reap it and close its pipes.

    Returns:
        Its exit status, negative for a signal.
    """
    kill(process)
    if process.stdin is not None:
        process.stdin.close()
    if process.stdout is not None:
        # A full pipe that nobody reads would keep `wait` from returning.
        while await process.stdout.read(_READ_BYTES):
            pass
    return await process.wait()


def environment(parent: Mapping[str, str], keep: Sequence[str] = ()) -> dict[str, str]:
    """What of the parent's environment a child gets: no keys, unless it is to keep some."""
    kept = (*_KEPT, *keep)
    return {name: value for name, value in parent.items() if name.startswith(kept)}
