"""One attempt: a model's answer, made by a task of its own.

The task is what lets a chain leave at the end of its budget even if the transport takes its time
to stop, and it runs the transport's stream from the first line to the last in one place.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.chat import ChatRequest, Item
from parley_orchestrator.llm.deadlines import is_useful
from parley_orchestrator.llm.transport import Transport

_log = logging.getLogger("parley.orchestrator")

_AHEAD = 32
STOPS_WITHIN_S = 0.25
"""How long a chain waits for an answer to stop."""


class Answering:
    """Starts at once; `cancel` it however it ends."""

    def __init__(self, transport: Transport, request: ChatRequest) -> None:
        self._items: asyncio.Queue[Item | LlmFailed | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(_AHEAD)
        self._is_left = False
        self._task = asyncio.create_task(self._make(transport, request))

    async def first(self, deadline: float) -> list[Item]:
        """All items up to the first useful one.

        Args:
            deadline: on the clock of the loop.

        Raises:
            LlmFailed: there is none, or not by then (`timeout`).
        """
        items: list[Item] = []
        try:
            async with asyncio.timeout_at(deadline):
                while not (items and is_useful(items[-1])):
                    items.append(await anext(self))
        except StopAsyncIteration:
            raise LlmFailed("the answer has neither text nor a tool call", "empty") from None
        except TimeoutError as error:
            raise LlmFailed("nothing useful in time", "timeout") from error
        return items

    def __aiter__(self) -> "Answering":
        return self

    async def __anext__(self) -> Item:
        """The next item.

        Raises:
            LlmFailed: see `Transport.stream`.
        """
        match await self._items.get():
            case None:
                raise StopAsyncIteration
            case LlmFailed() as failure:
                raise failure
            case item:
                self._room.release()
                return item

    def cancel(self) -> "asyncio.Task[None]":
        """Ask it to stop; the task that is returned ends when it has."""
        self._is_left = True
        self._task.cancel()
        return self._task

    async def _make(self, transport: Transport, request: ChatRequest) -> None:
        end: LlmFailed | None = None
        try:
            await self._hand_on(transport.stream(request))
        except LlmFailed as failure:
            end = failure
        except asyncio.CancelledError:
            if self._is_left:
                raise
            end = LlmFailed("the transport cancelled itself", "cut")
        except Exception as error:  # noqa: BLE001 - a transport's bug must not silence the call
            _log.exception("transport %s has a bug", transport.name)
            end = LlmFailed(f"unexpected {type(error).__name__}", "server")
        self._items.put_nowait(end)

    async def _hand_on(self, items: AsyncGenerator[Item, None]) -> None:
        async with aclosing(items):
            async for item in items:
                await self._room.acquire()
                self._items.put_nowait(item)
