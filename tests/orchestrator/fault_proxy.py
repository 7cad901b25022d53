"""A TCP proxy that fails as it is told: between a transport and any server, whatever they speak.

It stands for what is outside of both: a dead host, an overloaded gateway, a network that stalls.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import ClassVar, Protocol, TypeAlias
from urllib.parse import urlsplit

_GARBAGE = b"\x00\xff\xfe\x81 {garbage\r\n\r\n" * 256
END_OF_HEAD = b"\r\n\r\n"
"""What a response of HTTP begins with ends here, and so does a WebSocket's handshake."""


@dataclass
class Link:
    """The way back to one client.

    Args:
        sent: what has gone through since the fault began.
    """

    writer: asyncio.StreamWriter
    sent: bytearray = field(default_factory=bytearray)

    async def send(self, data: bytes) -> None:
        self.sent += data
        self.writer.write(data)
        await self.writer.drain()

    def cut(self) -> None:
        self.writer.close()


class _Fault(Protocol):
    async def back(self, data: bytes, link: Link) -> None:
        """Do with `data`, which the server sends, what the fault does."""


@dataclass(frozen=True)
class NoFault:
    async def back(self, data: bytes, link: Link) -> None:
        await link.send(data)


@dataclass(frozen=True)
class BlackHole:
    """Takes everything, gives nothing back; connections that exist go silent too."""

    async def back(self, data: bytes, link: Link) -> None: ...


@dataclass(frozen=True)
class SlowFirstByte:
    """The first byte of what comes back takes so long."""

    seconds: float

    async def back(self, data: bytes, link: Link) -> None:
        if not link.sent:
            await asyncio.sleep(self.seconds)
        await link.send(data)


@dataclass(frozen=True)
class _After:
    """What comes back is whole until `text` has come."""

    text: bytes

    async def back(self, data: bytes, link: Link) -> None:
        if self.text in link.sent:
            await self.then(data, link)
            return
        joined = bytes(link.sent) + data
        at = joined.find(self.text)
        if at < 0:
            await link.send(data)
            return
        end = at + len(self.text) - len(link.sent)
        await link.send(data[:end])
        await self.then(data[end:], link)

    async def then(self, data: bytes, link: Link) -> None:
        raise NotImplementedError


class StallAfter(_After):
    """Then nothing, and the connection stays."""

    async def then(self, data: bytes, link: Link) -> None: ...


class CutAfter(_After):
    """Then the connection is closed."""

    async def then(self, data: bytes, link: Link) -> None:
        link.cut()


class GarbageAfter(_After):
    """Then bytes that mean nothing, and the connection stays."""

    async def then(self, data: bytes, link: Link) -> None:
        await link.send(_GARBAGE)


@dataclass(frozen=True)
class NoWebSockets:
    """A server without the routes of WebSockets, which ours answers with 426 to who just asks."""

    async def back(self, data: bytes, link: Link) -> None:
        await link.send(data.replace(b" 426 Upgrade Required", b" 404 Not Found"))


@dataclass(frozen=True)
class Garbage:
    """Bytes that mean nothing in place of what comes back."""

    async def back(self, data: bytes, link: Link) -> None:
        await link.send(_GARBAGE)


@dataclass(frozen=True)
class Status:
    """Every request is answered with this status, in HTML as gateways do."""

    status: int
    retry_after_s: int | None = None

    def response(self) -> bytes:
        body = b"<html><body>no</body></html>"
        head = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            "content-type: text/html",
            f"content-length: {len(body)}",
            "connection: close",
        ]
        if self.retry_after_s is not None:
            head.append(f"retry-after: {self.retry_after_s}")
        return "\r\n".join(head).encode() + END_OF_HEAD + body


@dataclass(frozen=True)
class Refuse:
    """Nobody listens, and what was connected is not any more."""


@dataclass(frozen=True)
class Unaccepting:
    """A connection is never made: its first packet goes unanswered."""


Fault: TypeAlias = (
    NoFault
    | BlackHole
    | SlowFirstByte
    | StallAfter
    | CutAfter
    | GarbageAfter
    | Garbage
    | NoWebSockets
    | Status
    | Refuse
    | Unaccepting
)


class FaultProxy:
    """Listens on a port of its own in front of one server, and can change its mind at any time."""

    KEEPS: ClassVar = (NoFault, BlackHole, SlowFirstByte, StallAfter, CutAfter, GarbageAfter)
    """Faults that connections made before live to see; the others drop them."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._fault: Fault = NoFault()
        self._port = 0
        self._listener: asyncio.Server | None = None
        self._deaf: list[socket.socket] = []
        self._links: dict[asyncio.Task[None], Link] = {}
        self.accepted = 0
        """Connections so far."""

    @property
    def url(self) -> str:
        """The server's, through here."""
        return self._upstream._replace(netloc=f"127.0.0.1:{self._port}").geturl()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FaultProxy"]:
        await self._listen()
        try:
            yield self
        finally:
            await self._stop()

    async def become(self, fault: Fault) -> None:
        """Fail like this from now on."""
        self._fault = fault
        for link in self._links.values():
            link.sent.clear()
        if not isinstance(fault, self.KEEPS):
            await self._stop()
        if isinstance(fault, Unaccepting):
            self._deaf = _deaf_sockets(self._port)
        elif not isinstance(fault, Refuse) and self._listener is None:
            await self._listen()

    def lead_to(self, upstream: str) -> None:
        """Connect to this server from now on, as a gateway does when a container is replaced."""
        self._upstream = urlsplit(upstream)

    async def _listen(self) -> None:
        for deaf in self._deaf:
            deaf.close()
        self._deaf = []
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        for deaf in self._deaf:
            deaf.close()
        self._deaf = []
        if self._listener:
            self._listener.close()
            self._listener = None
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        link = Link(writer)
        self._links[task] = link
        self.accepted += 1
        try:
            if isinstance(self._fault, Status):
                await _answer(reader, link, self._fault)
            else:
                await self._connect(reader, link)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            del self._links[task]
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, link: Link) -> None:
        assert self._upstream.hostname
        back, forth = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        pumps = (
            asyncio.ensure_future(_forth(reader, forth)),
            asyncio.ensure_future(self._back(back, link)),
        )
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            forth.close()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _back(self, reader: asyncio.StreamReader, link: Link) -> None:
        while not link.writer.is_closing() and (data := await reader.read(1 << 16)):
            fault = self._fault
            assert not isinstance(fault, Status | Refuse | Unaccepting)
            await fault.back(data, link)


async def _forth(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


async def _answer(reader: asyncio.StreamReader, link: Link, fault: Status) -> None:
    """All of the request is read: to close on unread bytes would reset the connection."""
    head = (await reader.readuntil(END_OF_HEAD)).lower()
    _, found, length = head.partition(b"content-length:")
    if found:
        await reader.readexactly(int(length.partition(b"\r\n")[0]))
    await link.send(fault.response())


def _deaf_sockets(port: int) -> list[socket.socket]:
    """A listener whose queue is full: the kernel leaves out further first packets."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(0)
    waiting = []
    for _ in range(3):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        waiting.append(client)
    return [listener, *waiting]
