"""A server in HTTP: the steps of an answer are the same for every API, their bytes a dialect's."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from tests.orchestrator.contract.wire import (
    QUOTED,
    Answer,
    Asked,
    Begin,
    Call,
    Count,
    Cut,
    Fault,
    Finish,
    Garble,
    Hang,
    Hold,
    Refuse,
    Say,
    Step,
)


@dataclass(frozen=True, slots=True)
class Request:
    """As it came; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)
        return data


class Dialect(Protocol):
    """An API in HTTP."""

    base_path: str
    models: bytes
    """What every GET is answered with."""

    def read(self, request: Request) -> Asked: ...

    def event(self, step: Say | Call | Count | Finish | Fault | Garble) -> bytes:
        """The step as server-sent events."""

    def whole(self, steps: Answer) -> bytes:
        """The steps as one JSON body."""


class _Gone(Exception):
    """The server drops the connection."""


class HttpServer:
    """See `FakeServer`."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._port = 0
        self._handlers: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self.answer: Answer = (Say("Hello."), Finish())
        self.response: bytes | None = None
        """In place of an answer, head and all; the connection is closed after it."""
        self.asked: list[Asked] = []
        self.requests: list[Request] = []
        self.stopped = asyncio.Event()
        self.connections = 0
        self.open_connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{self._dialect.base_path}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["HttpServer"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for handler in self._handlers:
                handler.cancel()
            await asyncio.gather(*self._handlers, return_exceptions=True)
        if self._failures:
            raise self._failures[0]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        self.connections += 1
        self.open_connections += 1
        try:
            while not writer.is_closing() and (request := await _read(reader)):
                await self._respond(request, reader, writer)
        except (_Gone, ConnectionError, asyncio.CancelledError):
            writer.transport.abort()
        except Exception as failure:  # noqa: BLE001 - the test's own task raises it at the end
            self._failures.append(failure)
            writer.transport.abort()
        finally:
            writer.close()
            self.open_connections -= 1
            self._handlers.discard(handler)

    async def _respond(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.requests.append(request)
        if request.method == "GET":
            writer.write(_json(200, self._dialect.models))
            return
        asked = self._dialect.read(request)
        self.asked.append(asked)
        if self.response is not None:
            writer.write(self.response)
            await writer.drain()
            writer.close()
            return
        player = _Streamed if asked.streaming else _InOnePiece
        playing = asyncio.ensure_future(_play(self.answer, player(self._dialect, writer)))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((playing, gone), return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                self.stopped.set()
                raise _Gone
            await playing
        finally:
            playing.cancel()
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone


class _Player(Protocol):
    async def show(self, step: Step) -> None: ...

    async def end(self) -> None: ...


class _Streamed:
    def __init__(self, dialect: Dialect, writer: asyncio.StreamWriter) -> None:
        self._dialect = dialect
        self._writer = writer
        self._begun = False

    async def show(self, step: Step) -> None:
        if not self._begun:
            self._begun = True
            self._writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
        if isinstance(step, Say | Call | Count | Finish | Fault | Garble):
            data = self._dialect.event(step)
            self._writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await self._writer.drain()

    async def end(self) -> None:
        await self.show(Begin())
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()


class _InOnePiece:
    def __init__(self, dialect: Dialect, writer: asyncio.StreamWriter) -> None:
        self._dialect = dialect
        self._writer = writer
        self._steps: list[Step] = []

    async def show(self, step: Step) -> None:
        self._steps.append(step)

    async def end(self) -> None:
        self._writer.write(_json(200, self._dialect.whole(tuple(self._steps))))
        await self._writer.drain()


async def _play(answer: Answer, player: _Player) -> None:
    for step in answer:
        match step:
            case Refuse():
                assert isinstance(player, _Streamed | _InOnePiece)
                player._writer.write(_refusal(step))
                return
            case Hold():
                await step.until.wait()
            case Hang():
                await asyncio.Event().wait()
            case Cut():
                raise _Gone
            case _:
                await player.show(step)
    await player.end()


def response(status: int, body: bytes, *headers: str, media_type: str) -> bytes:
    """The bytes of a whole response."""
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"content-type: {media_type}",
        f"content-length: {len(body)}",
        *headers,
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def _refusal(step: Refuse) -> bytes:
    body = json.dumps({"error": {"message": QUOTED, "code": step.status, "status": "X"}}).encode()
    more = () if step.retry_after_s is None else (f"retry-after: {step.retry_after_s}",)
    return _json(step.status, body, *more)


def _json(status: int, body: bytes, *headers: str) -> bytes:
    return response(status, body, *headers, media_type="application/json")


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The next request; None when the client has hung up."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    line, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (h.partition(":") for h in lines)}
    method, target, _ = line.split(" ")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)
