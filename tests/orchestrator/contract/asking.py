"""Asks a transport as the chain does, without one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.chat import ChatRequest, Entry, Item, Said, Text
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transport import Transport
from tests.orchestrator.contract.wire import FakeServer, Wire

HELLO = ChatRequest((Said("user", "Hello?"),))
SOON_S = 2.0
"""On a loaded machine too."""
LONG_S = 20.0
"""Whatever a test waits for must not be this."""


@asynccontextmanager
async def connected(wire: Wire, **config: Any) -> AsyncIterator[tuple[FakeServer, Transport]]:
    """A server and a transport to it; both are gone afterwards."""
    async with wire.serve() as server:
        settings = {"model": "model-1", "base_url": server.url, "api_key": "key", **config}
        transport = wire.transport(LlmConfig(**settings))
        try:
            yield server, transport
        finally:
            await transport.close()


def said(*entries: Entry | str, **request: Any) -> ChatRequest:
    """A question; strings are the user's words."""
    return ChatRequest(
        tuple(Said("user", e) if isinstance(e, str) else e for e in entries), **request
    )


async def answer(transport: Transport, request: ChatRequest = HELLO) -> list[Item]:
    async with aclosing(transport.stream(request)) as items:
        return [item async for item in items]


async def failure(
    transport: Transport, request: ChatRequest = HELLO
) -> tuple[list[Item], LlmFailed]:
    """What came before it failed, and how it failed."""
    items: list[Item] = []
    try:
        async with aclosing(transport.stream(request)) as stream:
            async for item in stream:
                items.append(item)
    except LlmFailed as failed:
        return items, failed
    pytest.fail(f"it answered: {items}")


async def until(condition: Callable[[], bool]) -> None:
    """Poll what happens elsewhere in the loop."""
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110 - sockets set no events
            await asyncio.sleep(0.005)


def text(items: Sequence[Item]) -> str:
    return "".join(item.text for item in items if isinstance(item, Text))
