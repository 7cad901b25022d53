"""The models of `bench turn`: a Gemini that fails as it is told, and a Qwen that never does.

They answer at once and in words none of which comes twice, so that a word that is heard twice was
said twice. They are no web framework's, so that they take little of the machine that they share
with what is measured.
"""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

BUDGET_S = 1.5
"""How long a chain waits for Gemini by default."""
GEMINI_SAYS = "Gemini answers in one to two weeks, which is what most people need."
QWEN_SAYS = "Qwen answers that rest and water help, so stay at home until you feel better."
FAULTS = ("refusing", "failing", "hanging before headers", "hanging after headers", "empty", "cut")
"""Of Gemini's, none of which lets a word through; `BROKEN_OFF` lets through half of them."""
BROKEN_OFF = "cut in mid-answer"
LATE = "late"
"""A good answer, within a tenth of a second of the end of the silence budget on either side."""

_HEAD = b"HTTP/1.1 %s\r\ncontent-type: %s\r\n%s\r\n"
_STREAM = _HEAD % (b"200 OK", b"text/event-stream", b"transfer-encoding: chunked\r\n")
_END = b"0\r\n\r\n"


class Gone(Exception):
    """The server drops the connection."""


class Model:
    """One server; what a subclass says is its API."""

    known: ClassVar[bytes]
    """What every GET is answered with."""

    def __init__(self) -> None:
        self.asked = 0
        self._port = 0
        self._listener: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None, None]:
        await self.listen()
        try:
            yield
        finally:
            self.refuse()

    async def listen(self) -> None:
        """On the same port as ever; nothing if it does."""
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._serve, "127.0.0.1", self._port, backlog=1024
            )
            self._port = self._listener.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Nobody listens any more, and who was connected is not."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for writer in self._open:
            writer.transport.abort()

    async def answer(self, writer: asyncio.StreamWriter) -> None:
        """
        Raises:
            Gone: it breaks off.
        """
        raise NotImplementedError

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while not writer.is_closing():
                await self._one(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, Gone):
            return
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if head.startswith(b"GET"):
            writer.write(_json(b"200 OK", self.known))
            return
        await reader.readexactly(_length(head))
        self.asked += 1
        # Who hangs up takes the question back.
        gone = asyncio.ensure_future(reader.read(1))
        answering = asyncio.ensure_future(self.answer(writer))
        try:
            await asyncio.wait((gone, answering), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                raise Gone
            answering.result()
        finally:
            answering.cancel()
            gone.cancel()
            await asyncio.gather(gone, answering, return_exceptions=True)


class Gemini(Model):
    known = b'{"name":"models/bench","displayName":"Bench"}'

    def __init__(self) -> None:
        super().__init__()
        self._fault = ""

    async def become(self, fault: str) -> None:
        """One of `FAULTS`, `BROKEN_OFF` or `LATE`; `well` is none."""
        if fault == "refusing":
            self.refuse()
        else:
            await self.listen()
        self._fault = fault

    async def answer(self, writer: asyncio.StreamWriter) -> None:
        if act := _FAILING.get(self._fault):
            await act(writer)
        else:
            writer.write(_STREAM + _chunks(_gemini, GEMINI_SAYS) + _chunk(_gemini("", "STOP")))
            writer.write(_END)


class Qwen(Model):
    known = b'{"object":"list","data":[{"id":"bench","object":"model"}]}'

    async def answer(self, writer: asyncio.StreamWriter) -> None:
        writer.write(_STREAM + _chunks(_chat, QWEN_SAYS) + _chunk(_chat("", "stop")))
        writer.write(_chunk(b"data: [DONE]\n\n") + _END)


async def _fail(writer: asyncio.StreamWriter) -> None:
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    writer.write(_json(b"503 Service Unavailable", json.dumps(error).encode()))


async def _hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _hang_after_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(_STREAM)
    await asyncio.Event().wait()


async def _say_nothing(writer: asyncio.StreamWriter) -> None:
    writer.write(_STREAM + _chunk(_gemini("", "STOP")) + _END)


async def _cut(writer: asyncio.StreamWriter) -> None:
    writer.write(_STREAM)
    await writer.drain()
    raise Gone


async def _break_off(writer: asyncio.StreamWriter) -> None:
    writer.write(_STREAM + _chunks(_gemini, GEMINI_SAYS[: len(GEMINI_SAYS) // 2]))
    await writer.drain()
    raise Gone


async def _be_late(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(BUDGET_S + random.uniform(-0.1, 0.1))
    writer.write(_STREAM + _chunks(_gemini, GEMINI_SAYS) + _chunk(_gemini("", "STOP")) + _END)


_FAILING: dict[str, Callable[[asyncio.StreamWriter], Awaitable[None]]] = {
    "failing": _fail,
    "hanging before headers": _hang,
    "hanging after headers": _hang_after_headers,
    "empty": _say_nothing,
    "cut": _cut,
    BROKEN_OFF: _break_off,
    LATE: _be_late,
}


def _gemini(text: str, reason: str | None = None) -> bytes:
    content = {"role": "model", "parts": [{"text": text}] if text else []}
    candidate = {"index": 0, "content": content}
    if reason:
        candidate["finishReason"] = reason
    return b"data: %s\r\n\r\n" % json.dumps({"candidates": [candidate]}).encode()


def _chat(text: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": reason}
    return b"data: %s\n\n" % json.dumps({"choices": [choice]}).encode()


def _chunks(event: Callable[[str], bytes], text: str) -> bytes:
    """A word an event."""
    first, *words = text.split(" ")
    return b"".join(_chunk(event(word)) for word in (first, *(f" {word}" for word in words)))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _json(status: bytes, body: bytes) -> bytes:
    return _HEAD % (status, b"application/json", b"content-length: %d\r\n" % len(body)) + body


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
