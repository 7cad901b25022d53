"""A coroutine that a thread runs to its end, unless another thread wants it to stop."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any


class Abandoned(Exception):
    """Another thread wanted it to stop."""


class Loading:
    """See the module; for one coroutine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_abandoned = False
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """
        Raises:
            Abandoned: see there.
        """
        try:
            asyncio.run(self._watched(work))
        except asyncio.CancelledError:
            raise Abandoned("the engine was closed while it was loading") from None
        finally:
            work.close()

    def abandon(self) -> None:
        """Stop it, now or whenever it starts; any thread may call this."""
        with self._lock:
            self._is_abandoned = True
            if self._running is not None:
                loop, task = self._running
                loop.call_soon_threadsafe(task.cancel)

    async def _watched(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.current_task()
        assert task is not None
        with self._lock:
            if self._is_abandoned:
                raise asyncio.CancelledError
            self._running = asyncio.get_running_loop(), task
        try:
            await work
        finally:
            with self._lock:
                self._running = None
