"""Asks for streamed chats over bare sockets, so that asking costs less than what is measured."""

import asyncio
import json
import time
from typing import Self


class Asker:
    """One keep-alive connection; use it as an async context manager."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def first_token(self, **asked: float) -> float:
        """Seconds to the first event; the rest of the answer is read before the next question."""
        started = time.perf_counter()
        self._ask(asked)
        await self._reader.readuntil(b"data: ")
        seconds = time.perf_counter() - started
        await self._reader.readuntil(b"[DONE]\n\n\r\n0\r\n\r\n")
        return seconds

    async def drain(self, **asked: float) -> None:
        """Read a whole answer."""
        self._ask(asked)
        await self._reader.readuntil(b"\r\n\r\n")
        while size := int(await self._reader.readline(), 16):
            await self._reader.readexactly(size + 2)

    async def begin(self, *, read_first: bool, **asked: float) -> None:
        """Ask, and read the first event or nothing at all."""
        self._ask(asked)
        if read_first:
            await self._reader.readuntil(b"data: ")
        else:
            await self._writer.drain()

    def _ask(self, asked: dict[str, float]) -> None:
        body = json.dumps({"model": "bench", "messages": [], "stream": True, **asked}).encode()
        self._writer.write(
            b"POST /llm/v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        )


async def drain_all(port: int, clients: int, **asked: float) -> None:
    """Read one stream per client to its end, all at once."""

    async def one() -> None:
        async with Asker(port) as asker:
            await asker.drain(**asked)

    await asyncio.gather(*(one() for _ in range(clients)))


async def first_tokens(ports: tuple[int, int], times: int) -> tuple[list[float], list[float]]:
    """Seconds to the first event at two servers, asked in turn."""
    async with Asker(ports[0]) as one, Asker(ports[1]) as other:
        for asker in (one, other):
            await asker.first_token(events=1)
        seen: tuple[list[float], list[float]] = ([], [])
        for number in range(times):
            for side in (0, 1) if number % 2 else (1, 0):
                seen[side].append(await (one, other)[side].first_token(events=1))
        return seen
