"""A pool of worker processes, each of which answers one frame at a time.

Who is cancelled while waiting for an answer has the worker killed: that ends the work at once,
whatever library is at it, and a fresh worker takes the place.
"""

import asyncio
import logging
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parley_kit import processes
from parley_stt.engines import frames

log = logging.getLogger("parley.stt.workers")

_START_TIMEOUT_S = 30.0
_RETRY_S = 1.0


class WorkerError(Exception):
    """A worker died, hung or could not be started."""


class NoWorker(WorkerError):
    """All of them were busy for too long."""


class Worker:
    """One process."""

    def __init__(self, process: Process, patience_s: float) -> None:
        self._process = process
        self._patience_s = patience_s
        self._busy = False

    @classmethod
    async def start(cls, module: str, patience_s: float) -> "Worker":
        """Returns when the worker is ready.

        Raises:
            WorkerError: it ended, or was not ready in time.
        """
        worker = cls(await processes.spawn(module), patience_s)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await worker._reply()
        except (TimeoutError, WorkerError) as exc:
            status = await worker.end()
            raise WorkerError(f"a worker was not ready; it ended with status {status}") from exc
        except BaseException:
            await worker.end()
            raise
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    @property
    def busy(self) -> bool:
        """Whether it owes an answer. Nobody knows when that comes, and it would be for no one."""
        return self._busy

    async def ask(self, payload: bytes) -> bytes:
        """
        Raises:
            WorkerError: the worker died or did not answer in time; it is of no use any more.
        """
        assert self._process.stdin is not None
        self._busy = True
        try:
            async with asyncio.timeout(self._patience_s):
                self._process.stdin.write(frames.pack(payload))
                await self._process.stdin.drain()
                answer = await self._reply()
        except TimeoutError:
            raise WorkerError(f"a worker did not answer in {self._patience_s:g} s") from None
        except ConnectionError as exc:
            raise WorkerError("a worker died") from exc
        self._busy = False
        return answer

    def kill(self) -> None:
        processes.kill(self._process)

    async def wait(self) -> int:
        """Its exit status, once it has one."""
        return await self._process.wait()

    async def end(self) -> int:
        """Kill it unless it has ended; the value is its exit status."""
        return await processes.end(self._process)

    async def _reply(self) -> bytes:
        assert self._process.stdout is not None
        try:
            header = await self._process.stdout.readexactly(frames.HEADER.size)
            return await self._process.stdout.readexactly(frames.HEADER.unpack(header)[0])
        except asyncio.IncompleteReadError as exc:
            raise WorkerError("a worker died") from exc


class WorkerPool:
    """Keeps `size` workers of one module, whatever they die of.

    Args:
        module: run as `python -m`; writes one frame when it is ready, then answers each frame
            on its stdin with one on its stdout.
        patience_s: how long one answer may take, and how long a free worker is waited for.
    """

    def __init__(self, module: str, size: int, patience_s: float) -> None:
        self._module = module
        self._size = size
        self._patience_s = patience_s
        self._workers: set[Worker] = set()
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._tenders: list[asyncio.Task[None]] = []

    @property
    def pids(self) -> list[int]:
        """Of the workers that are ready or at work."""
        return sorted(worker.pid for worker in self._workers if worker.alive)

    async def start(self) -> None:
        """
        Raises:
            WorkerError: the first reason why a worker could not be started.
        """
        starts = [self._add() for _ in range(self._size)]
        for started in await asyncio.gather(*starts, return_exceptions=True):
            if isinstance(started, BaseException):
                raise started
            self._tenders.append(asyncio.create_task(self._tend(started), name="tend a worker"))

    async def close(self) -> None:
        for tender in self._tenders:
            tender.cancel()
        await asyncio.gather(*self._tenders, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._workers))
        self._workers.clear()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Worker]:
        """The worker that is free first, for as long as the context lasts.

        One that is busy at the end of it is killed. One that is not keeps what it remembers of
        the questions; the next borrower begins with one that makes it forget.

        Raises:
            NoWorker: none became free.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                worker = await self._free()
        except TimeoutError:
            raise NoWorker("no worker became free") from None
        try:
            yield worker
        finally:
            if worker.busy:
                worker.kill()
            else:
                self._idle.put_nowait(worker)

    async def ask(self, payload: bytes) -> bytes:
        """The answer of the worker that is free first.

        Raises:
            WorkerError: it died or hung, or none became free.
        """
        async with self.lend() as worker:
            return await worker.ask(payload)

    async def _free(self) -> Worker:
        while True:
            worker = await self._idle.get()
            if worker.alive:
                return worker

    async def _tend(self, worker: Worker) -> None:
        """Replace a worker each time that it has died."""
        while True:
            status = await worker.wait()
            log.info("replacing a worker", extra={"data": {"pid": worker.pid, "status": status}})
            await worker.end()
            self._workers.discard(worker)
            worker = await self._replacement()

    async def _replacement(self) -> Worker:
        while True:
            try:
                return await self._add()
            except (WorkerError, OSError) as exc:
                log.error("a worker could not be replaced", exc_info=exc)
                await asyncio.sleep(_RETRY_S)

    async def _add(self) -> Worker:
        worker = await Worker.start(self._module, self._patience_s)
        self._workers.add(worker)
        self._idle.put_nowait(worker)
        return worker
