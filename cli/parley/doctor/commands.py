"""Runs other programs: what they said, or why they said nothing; the one border to processes."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

_OUTPUT_BYTES = 4 << 20
_NOTHING: Mapping[str, str] = MappingProxyType({})


class CommandFailed(Exception):
    """The program did not do what it was asked.

    `said` is the last line that it wrote of it, which may quote what it has read.
    """

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


class NotInstalled(CommandFailed):
    """There is no such program on the PATH."""


class CommandHung(CommandFailed):
    """It did not end in time, and was killed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    status: int
    stdout: str
    stderr: str


async def run_command(
    *argv: str,
    deadline_s: float = 10.0,
    exported: Mapping[str, str] = _NOTHING,
    directory: Path | None = None,
) -> Ended:
    """Run a program without a shell or input.

    Args:
        directory: to run it in; None: where we are.
        exported: environment variables beside those that are there.

    Raises:
        NotInstalled: it is not there, or cannot be executed.
        CommandHung: it took longer than its deadline.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            *argv,
            env={**os.environ, **exported},
            cwd=directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_OUTPUT_BYTES,
            # A group of its own, so that what it started ends with it.
            start_new_session=True,
        )
    except OSError as exc:
        raise NotInstalled(f"{argv[0]} cannot be run: {exc.strerror or exc}") from exc
    try:
        async with asyncio.timeout(deadline_s):
            stdout, stderr = await child.communicate()
    except TimeoutError as exc:
        raise CommandHung(f"{_words(argv)} did not end within {deadline_s:g} s") from exc
    finally:
        await _end(child)
    assert child.returncode is not None
    return Ended(child.returncode, _text(stdout), _text(stderr))


async def output_of(
    *argv: str,
    deadline_s: float = 10.0,
    exported: Mapping[str, str] = _NOTHING,
    directory: Path | None = None,
) -> str:
    """What a program writes when it succeeds.

    Raises:
        CommandFailed: it is not there, hangs, or ends with another status than 0.
    """
    ended = await run_command(*argv, deadline_s=deadline_s, exported=exported, directory=directory)
    if ended.status != 0:
        said = ended.stderr.strip().splitlines()[-1:] or [""]
        raise CommandFailed(f"{_words(argv)} ended with status {ended.status}", said[0])
    return ended.stdout


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


def _words(argv: Sequence[str]) -> str:
    return f"`{' '.join(argv[:2])}`"


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
