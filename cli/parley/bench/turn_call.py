"""A call of `bench turn`: the real worker in console mode, and a phone at its other end."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import soxr

from parley.bench.process import python
from parley.bench.sound import RATE as RECORDED
from parley.bench.sound import question
from parley.bench.turn_phone import RATE, Frame, Phone, Samples
from parley.errors import ServiceFailed

P = TypeVar("P", bound=Phone)

_STARTS_WITHIN_S = 60.0
_PAUSE_S = 0.25
# All else in the environment may be somebody's settings of a worker.
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_KEPT_KINDS = ("PYTHON", "COVERAGE", "LC_")


@dataclass(frozen=True, slots=True)
class Call:
    """One that is on."""

    phone: Phone

    async def ask(self, speech: Samples, peak: int) -> tuple[float, Frame]:
        """One turn.

        Returns:
            When the last voiced sample of the question was spoken, and the first sound of the
            answer that is as loud as `peak`.
        """
        await asyncio.sleep(_PAUSE_S)
        self.phone.loudspeaker.hush()
        ended = await self.phone.say(speech)
        first = await self.phone.hears(ended, peak)
        await self.phone.listened_to(first.came)
        return ended, first


def spoken_question() -> Samples:
    """The question of the examples at the rate of a phone.

    It fades out as it was recorded: a speaker who is cut off has not finished for a turn detector.
    """
    samples = soxr.resample(question().astype(np.float32), RECORDED, RATE)
    spoken: Samples = samples.astype(np.int16)
    return spoken


def last_words(seconds: float = 1.3) -> Samples:
    """The end of the question, where nobody listens to what is said."""
    return spoken_question()[-round(seconds * RATE) :]


@asynccontextmanager
async def answering(kind: type[P]) -> AsyncGenerator[tuple[str, "asyncio.Queue[P]"], None]:
    """Where phones are called, as `HOST:PORT`, and those that were; they hang up at the end."""
    called: asyncio.Queue[P] = asyncio.Queue()
    lines: set[asyncio.Task[None]] = set()

    async def pick_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        phone = kind(reader, writer)
        task = asyncio.current_task()
        assert task is not None
        lines.add(task)
        called.put_nowait(phone)
        with suppress(asyncio.CancelledError):
            await phone.run()
        lines.discard(task)

    server = await asyncio.start_server(pick_up, "127.0.0.1", 0, limit=1 << 21)
    async with server:
        try:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", called
        finally:
            for line in tuple(lines):
                line.cancel()
            await asyncio.gather(*lines, return_exceptions=True)


@asynccontextmanager
async def calling(settings: Mapping[str, str]) -> AsyncGenerator[Call, None]:
    """A worker with these settings and nobody else's; it has greeted.

    Raises:
        ServiceFailed: it ended before it called; with the last line that it wrote.
    """
    async with answering(Phone) as (address, called):
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            process = await start_worker(address, settings, log)
            try:
                phone = await first_call(called, process, log)
                await phone.greeted()
                yield Call(phone)
            finally:
                await _kill(process)


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_KINDS)
    }
    return {**kept, **settings}


async def start_worker(
    address: str, settings: Mapping[str, str], log: Path
) -> asyncio.subprocess.Process:
    """In console mode, with a call to `address`; what it leaves on the disk is beside its log."""
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *python("parley_orchestrator", "console", "--connect-addr", address),
            env={**clean_environment(settings), "TMPDIR": str(log.parent)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


async def first_call(
    called: "asyncio.Queue[P]", process: asyncio.subprocess.Process, log: Path
) -> P:
    """
    Raises:
        ServiceFailed: the worker ended before it called, or did not call in time.
    """
    phone, died = asyncio.create_task(called.get()), asyncio.create_task(process.wait())
    try:
        await asyncio.wait(
            {phone, died}, timeout=_STARTS_WITHIN_S, return_when=asyncio.FIRST_COMPLETED
        )
        if not phone.done():
            raise ServiceFailed(f"A worker did not call. {_last_line(log)}")
        return phone.result()
    finally:
        phone.cancel()
        died.cancel()


def _last_line(log: Path) -> str:
    return (log.read_text(errors="replace").splitlines() or ["It said nothing."])[-1]


async def _kill(process: asyncio.subprocess.Process) -> None:
    """With all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
