"""One exchange on a WebSocket of each kind; what it raises is told in `compose_requests`."""

import asyncio
import base64
import errno
import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from parley.bench.compose_told import Answered, Refused

_RESTARTING = 1012
_CHUNK_S = 0.1
_SILENCE_S = 1.0
_APPENDS = 4
_APPEND_S = 0.4
# Of a connection that nobody took.
_NOBODY_THERE = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH})
# Errors before the first of an answer: the service, or the model behind it, took nothing.
_TRY_AGAIN = frozenset({"not_ready", "overloaded", "upstream_unreachable", "upstream_busy"})
_SPEECH = "input_audio_buffer."
_TRANSCRIPT = "conversation.item.input_audio_transcription.completed"


async def chat(url: str, headers: Mapping[str, str], question: str, answered: Answered) -> None:
    """A question to the assistant, until its answer is complete."""
    messages = [{"role": "user", "content": question}]
    async with _opened(url, headers, answered) as exchange:
        await exchange.send({"type": "chat", "id": "1", "messages": messages})
        async for event in exchange.events():
            if event["type"] == "complete":
                return
            exchange.has_begun(event)


async def dictate(
    url: str, headers: Mapping[str, str], pcm: bytes, rate: int, answered: Answered
) -> None:
    """A sentence spoken to a Realtime session, until its transcript is there.

    Args:
        pcm: 16-bit mono, at `rate` samples a second.
    """
    audio = {"input": {"format": {"type": "audio/pcm", "rate": rate}}}
    spoken = pcm + bytes(2 * round(_SILENCE_S * rate))
    async with _opened(url, headers, answered) as exchange:
        session = {"type": "transcription", "audio": audio}
        await exchange.send({"type": "session.update", "session": session})
        async with _meanwhile(_speak(exchange, spoken, 2 * round(_CHUNK_S * rate))):
            async for event in exchange.events():
                if event["type"] == _TRANSCRIPT:
                    return
                if not event["type"].startswith("session."):
                    exchange.has_begun(event)


async def narrate(url: str, headers: Mapping[str, str], sentence: str, answered: Answered) -> None:
    """A text that is still being written, until all of it is spoken."""
    async with (
        _opened(url, headers, answered) as exchange,
        _meanwhile(_write(exchange, sentence)),
    ):
        async for event in exchange.events():
            if event["type"] == "speech.audio.done":
                return
            if event["type"] != "session.created":
                exchange.has_begun(event)


class _Exchange:
    """One conversation on an open socket."""

    def __init__(self, socket: ClientConnection, answered: Answered) -> None:
        self._socket = socket
        self._answered = answered
        self.begun = False

    def has_begun(self, event: Mapping[str, Any]) -> None:
        """The first of the answer is there.

        Raises:
            Refused: it is an error that asks to try again.
            ValueError: it, or what came after, is an error.
        """
        if event["type"] == "error":
            error = event.get("error", event)
            if error.get("code") in _TRY_AGAIN and not self.begun:
                raise Refused(error["message"])
            raise ValueError(str(event))
        if not self.begun:
            self.begun = True
            self._answered()

    async def send(self, event: Mapping[str, Any]) -> None:
        # Whoever reads is told how the socket ended.
        with suppress(ConnectionClosed):
            await self._socket.send(json.dumps(event))

    async def events(self) -> AsyncIterator[Mapping[str, Any]]:
        """
        Raises:
            Refused: the socket was told to connect again, before anything of an answer came.
            ConnectionClosed: it was closed within one.
        """
        try:
            while True:
                yield json.loads(await self._socket.recv())
        except ConnectionClosed as exc:
            if not self.begun and exc.rcvd is not None and exc.rcvd.code == _RESTARTING:
                raise Refused(str(exc)) from exc
            raise


@asynccontextmanager
async def _opened(
    url: str, headers: Mapping[str, str], answered: Answered
) -> AsyncIterator[_Exchange]:
    """
    Raises:
        Refused: nobody took the connection, or the answer was a 503 that says when to come again.
    """
    try:
        socket = await connect(url, additional_headers=dict(headers), proxy=None)
    except OSError as exc:
        if exc.errno not in _NOBODY_THERE:
            raise
        raise Refused(str(exc)) from exc
    except InvalidStatus as exc:
        if exc.response.status_code == 503 and "retry-after" in exc.response.headers:
            raise Refused("503 at the handshake") from exc
        raise
    async with socket:
        yield _Exchange(socket, answered)


@asynccontextmanager
async def _meanwhile(doing: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(doing)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _speak(exchange: _Exchange, pcm: bytes, size: int) -> None:
    for start in range(0, len(pcm), size):
        audio = base64.b64encode(pcm[start : start + size]).decode()
        await exchange.send({"type": f"{_SPEECH}append", "audio": audio})
        await asyncio.sleep(_CHUNK_S)


async def _write(exchange: _Exchange, sentence: str) -> None:
    for _ in range(_APPENDS):
        await exchange.send({"type": "input_text.append", "text": sentence})
        await asyncio.sleep(_APPEND_S)
    await exchange.send({"type": "input_text.done"})
