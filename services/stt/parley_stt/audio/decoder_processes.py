"""The parent's side of the decoder processes: one in reserve, none left behind."""

import asyncio
import fcntl
import math
import sys
from asyncio.subprocess import Process
from contextlib import suppress

from parley_kit import processes
from parley_stt.audio.decoder_child import SIZE

_MODULE = "parley_stt.audio.decoder_child"
_READ_BYTES = 1 << 16
_WRITE_BYTES = 1 << 20


class DecoderProcesses:
    """Runs each file through a process of its own.

    Starting one takes ten times what it needs to decode an utterance. So after the first file one
    more than are at work has been started already, and waits.

    Args:
        max_audio_s, max_cpu_s: limits of each.
        max_bytes: that a process may answer with.
    """

    def __init__(self, max_audio_s: float, max_cpu_s: float, max_bytes: int) -> None:
        self._arguments = max_audio_s, math.ceil(max_cpu_s)
        self._max_bytes = max_bytes
        self._spare: asyncio.Task[Process] | None = None
        self._closed = False

    async def close(self) -> None:
        """End the spare; who is decoding is cancelled before by whoever asked for it."""
        self._closed = True
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.cancel()
            for started in await asyncio.gather(spare, return_exceptions=True):
                if isinstance(started, Process):
                    await processes.end(started)

    async def decode(self, file: bytes) -> tuple[int, bytearray]:
        """The exit status of the process, and the samples that it wrote.

        Who is cancelled meanwhile has it killed.
        """
        process = await self._take()
        try:
            pcm = await _exchange(process, file, self._max_bytes)
            return await process.wait(), pcm
        finally:
            self._prepare()
            await processes.end(process)

    async def _take(self) -> Process:
        while (spare := self._spare) is not None:
            await asyncio.wait([spare])
            if spare is not self._spare:
                continue  # another caller was faster
            self._spare = None
            if spare.exception() is None:
                process = spare.result()
                if process.returncode is None:
                    return process
                await processes.end(process)
        return await self._start()

    def _prepare(self) -> None:
        if self._spare is None and not self._closed:
            self._spare = asyncio.create_task(self._start(), name="start a spare decoder")

    async def _start(self) -> Process:
        process = await processes.spawn(_MODULE, *self._arguments)
        _widen(process)
        return process


def _widen(process: Process) -> None:
    """Have the pipe take 16 times as much at once: half of what an upload costs the event loop."""
    assert process.stdin is not None
    if sys.platform == "linux":
        pipe = process.stdin.get_extra_info("pipe")
        with suppress(PermissionError):  # the user has many such pipes already
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _WRITE_BYTES)


async def _exchange(process: Process, file: bytes, max_bytes: int) -> bytearray:
    """Feed the file while reading what comes of it."""
    assert process.stdin is not None
    assert process.stdout is not None
    feeding = asyncio.create_task(_feed(process.stdin, file), name="feed the decoder")
    try:
        pcm = bytearray()
        while piece := await process.stdout.read(_READ_BYTES):
            pcm += piece
            if len(pcm) > max_bytes:
                processes.kill(process)
        return pcm
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])


async def _feed(stdin: asyncio.StreamWriter, file: bytes) -> None:
    """Bit by bit: what does not fit into the pipe at once would be copied."""
    view = memoryview(file)
    try:
        stdin.write(SIZE.pack(len(file)))
        for start in range(0, len(file), _WRITE_BYTES):
            stdin.write(view[start : start + _WRITE_BYTES])
            await stdin.drain()
    except ConnectionError:
        return  # the child has ended; its status says why
    finally:
        stdin.close()
