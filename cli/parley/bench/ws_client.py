"""Clients of `bench ws`: through the assistant, and straight to its model."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect

_CHAT = json.dumps({"type": "chat", "messages": [{"role": "user", "content": "hello"}]})
_REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-length: 2\r\n\r\n{}"


@asynccontextmanager
async def opened(url: str, key: str) -> AsyncIterator[ClientConnection]:
    """A socket to the assistant at `http://…`."""
    headers = {"authorization": f"Bearer {key}"}
    address = f"{url.replace('http', 'ws', 1)}/ws-llm/ws"
    async with connect(address, additional_headers=headers, compression=None) as socket:
        yield socket


async def relayed(url: str, key: str) -> list[float]:
    """Seconds from the model to the client, of each delta of one answer."""
    async with opened(url, key) as socket:
        await socket.send(_CHAT)
        return [late async for late in _deltas(socket)]


async def _deltas(socket: ClientConnection) -> AsyncIterator[float]:
    async for message in socket:
        now = time.perf_counter()
        reply = json.loads(message)
        if reply["type"] != "delta":
            assert reply["type"] == "complete", reply
            return
        for sent in reply["content"].split():
            yield now - float(sent)


async def direct(port: int) -> list[float]:
    """The same without the assistant."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_REQUEST)
    late = []
    async for line in reader:
        now = time.perf_counter()
        if line.startswith(b"data: {"):
            text = json.loads(line[6:])["choices"][0]["delta"].get("content")
            if text is not None:
                late.append(now - float(text))
    writer.close()
    return late


async def first_deltas(url: str, key: str, times: int) -> list[float]:
    """Seconds from a chat to its first delta, on one socket after the other."""
    return [await _first_delta(url, key) for _ in range(times)]


async def _first_delta(url: str, key: str) -> float:
    async with opened(url, key) as socket:
        started = time.perf_counter()
        await socket.send(_CHAT)
        reply = json.loads(await socket.recv())
        assert reply["type"] == "delta", reply
        return time.perf_counter() - started
