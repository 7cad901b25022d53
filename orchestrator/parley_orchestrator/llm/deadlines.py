"""The time a model has: to its first useful item, and between any two."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.chat import Item, Text, ToolCall, Usage
from parley_orchestrator.llm.config import LlmConfig


def is_useful(item: Item) -> bool:
    """Whether a caller gets something from it: a tool call, or text with more than white space."""
    return isinstance(item, ToolCall) or (isinstance(item, Text) and bool(item.text.strip()))


async def timed(items: AsyncGenerator[Item, None], config: LlmConfig) -> AsyncGenerator[Item, None]:
    """`items` as the contract of a transport has them; every transport's `stream` returns this.

    A `stream` that goes through it in a loop of its own would not close it when the listener
    leaves.

    Empty text is left out. Text of white space and usage do not count as an answer: they are held
    back until something useful comes. With `config.stream` off, the text comes in one piece, then
    the tool calls, then the usage, when all of it is there. `items` is closed at the end.

    Raises:
        LlmFailed: `timeout` if the first useful item did not come within `first_token_timeout_s`
            or another within `stall_timeout_s`; `empty` if nothing useful came at all; whatever
            `items` raises.
    """
    async with aclosing(items), aclosing(_in_time(items, config)) as pieces:
        if config.stream:
            async for item in pieces:
                yield item
        else:
            for item in _in_one_piece([item async for item in pieces]):
                yield item


async def _in_time(
    items: AsyncGenerator[Item, None], config: LlmConfig
) -> AsyncGenerator[Item, None]:
    held: list[Item] | None = []
    limit_s = config.first_token_timeout_s
    deadline = asyncio.get_running_loop().time() + limit_s
    while (item := await _next(items, deadline, limit_s)) is not None:
        if held is None:
            yield item
        else:
            held.append(item)
            if not is_useful(item):
                continue
            for earlier in held:
                yield earlier
            held = None
        limit_s = config.stall_timeout_s
        deadline = asyncio.get_running_loop().time() + limit_s
    if held is not None:
        raise LlmFailed("the answer has neither text nor a tool call", "empty")


async def _next(items: AsyncGenerator[Item, None], deadline: float, limit_s: float) -> Item | None:
    """The next item that is not an empty text, None after the last."""
    try:
        async with asyncio.timeout_at(deadline) as limit:
            while (item := await anext(items, None)) == Text(""):
                pass
            return item
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise LlmFailed(f"nothing came in {limit_s:g} s", "timeout") from error


def _in_one_piece(items: list[Item]) -> list[Item]:
    text = "".join(item.text for item in items if isinstance(item, Text))
    calls = [item for item in items if isinstance(item, ToolCall)]
    usage = [item for item in items if isinstance(item, Usage)]
    return [*([Text(text)] if text else []), *calls, *usage]
