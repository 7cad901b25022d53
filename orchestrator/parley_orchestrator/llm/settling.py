"""How long to listen to a model that has said all it will say."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

from parley_orchestrator.errors import LlmFailed

_SETTLE_S = 0.25

E = TypeVar("E")


async def until_settled(
    events: AsyncIterator[E], finished: Callable[[], bool]
) -> AsyncGenerator[E, None]:
    """`events`, with a bound on the wait for what comes after the answer's end, such as usage.

    A server that keeps the connection open would otherwise hold back the last words of an answer
    that is whole, and one that drops it would spoil them.
    """
    while True:
        try:
            async with asyncio.timeout(_SETTLE_S if finished() else None) as limit:
                event = await anext(events)
        except StopAsyncIteration:
            return
        except LlmFailed:
            if not finished():
                raise
            return
        except TimeoutError:
            if not limit.expired():
                raise
            return
        yield event
