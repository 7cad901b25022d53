"""A caller's side of a call: the benchmark's phone in real time, and the worker's process.

The loudspeaker plays in real time, so that it knows what a caller would have heard when it is told
to be silent.
"""

import asyncio
import time
import wave
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soxr

from parley.bench import turn_phone
from parley.bench.turn_call import answering, first_call, start_worker
from parley.bench.turn_phone import RATE, Samples

_STOPS_WITHIN_S = 20.0
_LONGEST_S = 120.0
_AUDIBLE = 600


def onset_s(speech: Samples) -> float:
    """Where the speech in a recording begins."""
    loud = np.abs(speech.astype(np.int32)) > _AUDIBLE
    return float(np.argmax(loud)) / RATE


def recording(file: Path | BinaryIO) -> Samples:
    """A WAV file at the console's rate."""
    with wave.open(str(file) if isinstance(file, Path) else file) as reader:
        rate, frames = reader.getframerate(), reader.readframes(reader.getnframes())
    samples = np.frombuffer(frames, np.int16).astype(np.float32)
    resampled: Samples = soxr.resample(samples, rate, RATE).astype(np.int16)
    return resampled


class Phone(turn_phone.Phone):
    async def played(self) -> None:
        await self.until(
            lambda: self.loudspeaker.busy_until <= time.monotonic(), _LONGEST_S, "it is played"
        )

    async def answered(self, question: Samples) -> Samples:
        """Ask, and get what is said next; it is not waited for until it is played."""
        return await self.said_next(await self.say(question))

    async def said_next(self, since: float) -> Samples:
        """The next thing that is said in one go."""
        await self.flushed(since)
        return self.loudspeaker.heard(since)


@asynccontextmanager
async def calling(log: Path, **environment: str) -> AsyncGenerator[Phone, None]:
    """A worker in console mode with these settings, connected to a phone."""
    async with answering(Phone) as (address, called):
        process = await start_worker(address, environment, log)
        try:
            phone = await first_call(called, process, log)
            yield phone
            phone.loudspeaker.hush()
        finally:
            await _stopped(process)


async def _stopped(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOPS_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
