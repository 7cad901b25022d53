"""Admission: bounded concurrency and a bounded queue in front of an engine."""

import asyncio
import math
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from parley_kit.errors import Overloaded, RateLimited

_T = TypeVar("_T")

Reason: TypeAlias = Literal["key", "queue"]
"""Whose limit a refusal is: that of one key, or that of all callers together."""

_SMOOTHING = 0.2
_MAX_RETRY_AFTER_S = 30


@dataclass(frozen=True, slots=True)
class Load:
    """How busy an admission is."""

    running: int
    queued: int
    max_concurrency: int
    max_queue: int


class Admission:
    """Lets `max_concurrency` callers in, makes `max_queue` wait in order, refuses the rest at once.

    A caller who is cancelled while waiting or running frees the place immediately.
    """

    def __init__(
        self, max_concurrency: int, max_queue: int, max_in_flight_per_key: int = 1_000
    ) -> None:
        self._max_concurrency = max_concurrency
        self._max_queue = max_queue
        self._max_per_key = max_in_flight_per_key
        self._running = 0
        self._waiters: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._in_flight: Counter[str] = Counter()
        self._mean_s = 1.0
        self.on_refusal: Callable[[Reason], None] = lambda reason: None
        """Called at every refusal; the metrics count them."""

    @property
    def load(self) -> Load:
        return Load(self._running, len(self._waiters), self._max_concurrency, self._max_queue)

    def check(self, key_id: str) -> None:
        """Refuse now what `slot` would refuse, for instance before a body is read.

        Raises:
            RateLimited: this key has as much in flight as it may.
            Overloaded: the queue is full.
        """
        if self._in_flight[key_id] >= self._max_per_key:
            self.on_refusal("key")
            raise RateLimited(
                "Too many requests of this API key are in flight.",
                retry_after_s=self._retry_after_s(),
            )
        if self._running >= self._max_concurrency and len(self._waiters) >= self._max_queue:
            self.on_refusal("queue")
            raise Overloaded(
                "The server is overloaded: its queue is full.", retry_after_s=self._retry_after_s()
            )

    @asynccontextmanager
    async def slot(self, key_id: str) -> AsyncIterator[None]:
        """Hold one place for as long as the context lasts.

        Raises:
            RateLimited, Overloaded: see `check`.
        """
        self.check(key_id)
        self._in_flight[key_id] += 1
        try:
            await self._enter()
            started = asyncio.get_running_loop().time()
            try:
                yield
            finally:
                self._leave(asyncio.get_running_loop().time() - started)
        finally:
            self._forget(key_id)

    async def holding(
        self, key_id: str, items: AsyncGenerator[_T, None]
    ) -> AsyncGenerator[_T, None]:
        """`items`, with one place held from before the first until after the last.

        Raises:
            RateLimited, Overloaded: see `check`; before the first.
        """
        async with self.slot(key_id), aclosing(items):
            async for item in items:
                yield item

    async def _enter(self) -> None:
        if self._running < self._max_concurrency:
            self._running += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = None
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._hand_over()  # the place was already ours
            raise
        finally:
            self._waiters.pop(waiter, None)

    def _leave(self, seconds: float) -> None:
        self._mean_s += _SMOOTHING * (seconds - self._mean_s)
        self._hand_over()

    def _hand_over(self) -> None:
        """Give the place to the first who still waits; the number running stays what it is."""
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._running -= 1

    def _forget(self, key_id: str) -> None:
        self._in_flight[key_id] -= 1
        if not self._in_flight[key_id]:
            del self._in_flight[key_id]

    def _retry_after_s(self) -> int:
        ahead = (len(self._waiters) + 1) / self._max_concurrency
        return max(1, min(_MAX_RETRY_AFTER_S, math.ceil(ahead * self._mean_s)))
