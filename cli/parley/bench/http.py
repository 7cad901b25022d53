"""The load driver: HTTP/1.1 over bare streams, so that it costs less than what it measures."""

import asyncio
import random
import time
from typing import Self


class Connection:
    """One keep-alive connection; use it as an async context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def get(self, path: str) -> float:
        """Seconds until the whole of a reply with a Content-Length has come."""
        started = time.perf_counter()
        head = await self._send(path)
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        await self._reader.readexactly(length)
        return time.perf_counter() - started

    async def first_byte(self, path: str) -> float:
        """Seconds until the first byte of a chunked reply's body has come; then reads the rest."""
        started = time.perf_counter()
        await self._send(path)
        size = int((await self._reader.readline()).strip(), 16)
        piece = await self._reader.readexactly(1)
        seconds = time.perf_counter() - started
        await self._reader.readexactly(size - len(piece) + 2)
        await self._rest()
        return seconds

    async def drain(self, path: str) -> int:
        """The number of bytes of a chunked reply, read to its end."""
        await self._send(path)
        return await self._rest()

    async def _rest(self) -> int:
        total = 0
        while size := int((await self._reader.readline()).strip(), 16):
            await self._reader.readexactly(size + 2)
            total += size
        await self._reader.readexactly(2)
        return total

    async def _send(self, path: str) -> bytes:
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n", 1)[0], head
        return head


async def overheads(
    host: str, port: int, clients: int, each: int, path: str = "/wait"
) -> list[float]:
    """What a request to `path` takes beyond the wait that it asks for, in seconds.

    Each client asks `each` times, at once after each answer, for waits evenly spread over
    0.2-0.8 s, as engines take: all are in flight all the time, and in step neither at the start
    nor later.
    """
    results = await asyncio.gather(*(_ask(host, port, each, path) for _ in range(clients)))
    return [overhead for result in results for overhead in result]


async def _ask(host: str, port: int, times: int, path: str) -> list[float]:
    seen = []
    await asyncio.sleep(random.uniform(0, 0.8))
    async with Connection(host, port) as connection:
        for _ in range(times):
            wait = random.uniform(0.2, 0.8)
            seen.append(await connection.get(f"{path}?s={wait}") - wait)
    return seen


async def drain_all(host: str, port: int, path: str, clients: int) -> None:
    """Read one stream per client to its end, all at once."""

    async def one() -> None:
        async with Connection(host, port) as connection:
            await connection.drain(path)

    await asyncio.gather(*(one() for _ in range(clients)))
