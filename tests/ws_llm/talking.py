"""A client of the assistant, as small as the protocol allows."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from parley_kit.app import Service
from parley_llm.app import create_app as create_llm
from parley_llm.settings import LlmSettings
from parley_ws_llm.app import create_app
from parley_ws_llm.settings import WsLlmSettings

ENDS = ("complete", "error", "cancelled")
Reply = dict[str, Any]


def language_model(**settings: Any) -> Service:
    """The real LLM service with its embedded engine."""
    return create_llm(LlmSettings(allow_anonymous=True, **settings))


def assistant(upstream: str, **settings: Any) -> Service:
    """The service under test, open to everybody unless told otherwise."""
    access = {} if "api_keys" in settings else {"allow_anonymous": True}
    return create_app(WsLlmSettings(openai_base_url=upstream, **access, **settings))


class Client:
    """One connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, message: object) -> None:
        """Send an object as JSON, or a string as it is."""
        await self.socket.send(message if isinstance(message, str) else json.dumps(message))

    async def receive(self) -> Reply:
        reply: Reply = json.loads(await self.socket.recv())
        return reply

    async def chat(self, *messages: str | Reply, **fields: object) -> None:
        """Ask; a plain string is what the user says."""
        told = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
        await self.send({"type": "chat", "messages": told, **fields})

    async def answer(self) -> list[Reply]:
        """The replies up to the one that ends a chat."""
        replies = [await self.receive()]
        while replies[-1]["type"] not in ENDS:
            replies.append(await self.receive())
        return replies

    async def ask(self, *messages: str | Reply, **fields: object) -> Reply:
        """Ask, and wait for the reply that ends the chat."""
        await self.chat(*messages, **fields)
        return (await self.answer())[-1]


@asynccontextmanager
async def talk(
    url: str,
    path: str = "/ws-llm/ws",
    *,
    subprotocols: list[str] | None = None,
    **options: Any,
) -> AsyncIterator[Client]:
    """Connect to a service at `http://…`."""
    offered = [Subprotocol(name) for name in subprotocols] if subprotocols else None
    address = f"{url.replace('http', 'ws', 1)}{path}"
    async with connect(address, subprotocols=offered, **options) as socket:
        yield Client(socket)
