"""A few open connections, kept for the next questions and closed by their owner.

A connection is shared by at most as many questions as its kind can tell apart. Before it is used
again it is looked at: what is closed or too old by then is discarded. Connections are opened as
they are needed, so questions do not wait for each other; how many there may be at a time is
bounded by the number of questions.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from parley_orchestrator.errors import LlmFailed


class Pooled(Protocol):
    """A connection as the pool sees it."""

    @property
    def is_usable(self) -> bool:
        """Whether another question may be asked on it."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing of the last question is left on it."""

    async def settle(self) -> None:
        """Become settled, or not usable; returns within seconds and raises nothing."""

    async def close(self) -> None:
        """Returns within seconds and raises nothing."""


P = TypeVar("P", bound=Pooled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    Args:
        questions: that may be under way at a time.
        per_connection: how many of them may share one.
        idle: connections that are kept while nobody asks.
        wait_s: for a question that would be one too many.
    """

    questions: int = 64
    per_connection: int = 1
    idle: int = 4
    wait_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Lease(Generic[P]):
    """
    Args:
        is_fresh: it was opened for this question, so it cannot have gone stale.
    """

    connection: P
    is_fresh: bool


class Pool(Generic[P]):
    """One event loop's; `open` raises `LlmFailed`."""

    def __init__(self, open: Callable[[], Awaitable[P]], limits: Limits) -> None:
        self._open = open
        self._limits = limits
        self._places = asyncio.Semaphore(limits.questions)
        self._loads: dict[P, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Lease[P]]:
        """A connection for one question, for as long as the context lasts.

        Raises:
            LlmFailed: `connect` if the pool is closed or no place came free in time; what `open`
                raises.
        """
        await self._take_place()
        try:
            lease = await self._lease()
        except BaseException:
            self._places.release()
            raise
        self._loads[lease.connection] += 1
        try:
            yield lease
        finally:
            self._give_back(lease.connection)

    async def warm(self) -> None:
        """Have a connection that is open.

        Raises:
            LlmFailed: see `connection`.
        """
        async with self.connection():
            pass

    async def close(self) -> None:
        """Close every connection, also those in use."""
        self._closed = True
        for connection in list(self._loads):
            self._discard(connection)
        await asyncio.gather(*self._tasks)

    async def _take_place(self) -> None:
        try:
            async with asyncio.timeout(self._limits.wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise LlmFailed("too many questions at a time", "connect") from None

    async def _lease(self) -> Lease[P]:
        usable = self._usable()
        if usable is not None:
            return Lease(usable, is_fresh=False)
        return Lease(await self._opened(), is_fresh=True)

    def _usable(self) -> P | None:
        """The fullest that has room, so that the others grow idle and can be closed."""
        for connection, load in list(self._loads.items()):
            if load == 0 and not connection.is_usable:
                self._discard(connection)
        room = [
            connection
            for connection, load in self._loads.items()
            if load < self._limits.per_connection and connection.is_usable
        ]
        return max(room, key=self._loads.__getitem__, default=None)

    async def _opened(self) -> P:
        connection = None if self._closed else await self._open()
        if connection is not None and self._closed:
            await connection.close()
        if connection is None or self._closed:
            raise LlmFailed("the transport is closed", "connect")
        self._loads[connection] = 0
        return connection

    def _give_back(self, connection: P) -> None:
        if connection.is_settled:
            self._free(connection)
        else:
            self._spawn(self._settle(connection))

    async def _settle(self, connection: P) -> None:
        try:
            await connection.settle()
        finally:
            self._free(connection)

    def _free(self, connection: P) -> None:
        self._places.release()
        if connection not in self._loads:
            return  # the pool was closed meanwhile
        self._loads[connection] -= 1
        idle = sum(1 for load in self._loads.values() if load == 0)
        if self._loads[connection] == 0 and (not connection.is_usable or idle > self._limits.idle):
            self._discard(connection)

    def _discard(self, connection: P) -> None:
        del self._loads[connection]
        self._spawn(connection.close())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
