"""The WebSocket protocol under uvicorn, a little at a time.

Uvicorn takes a quarter of a mebibyte off a socket at once and parses all of it before the
application sees the first message: thousands of tiny messages hold the event loop for a tenth of a
second, and with it everybody else. Here no more is parsed while the application has a message to
read.
"""

import asyncio
import fcntl
import termios
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.types import Scope
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from parley_kit.http_server import FIRST_REQUEST_WITHIN_S

_PIECE_BYTES = 2 << 10
_FINISH = "parley.finish"
# A client that reads only when it expects something does not answer a close, nor does one that is
# there to take a place: uvicorn would wait ten seconds for that. Bytes that come after the server
# has closed make the system throw away what is still on its way to the client, so it stays for
# who has not taken all yet.
_ANSWERS_WITHIN_S = 1.0
_TAKES_ALL_WITHIN_S = 10.0


def finish_before_shutdown(scope: Scope, finish: Callable[[], None]) -> None:
    """Have `finish` called when the server shuts down, instead of the socket closed at once.

    The application then ends what it has begun and closes the socket itself; when the server's
    patience is at its end the socket is closed all the same.
    """
    scope["state"][_FINISH] = finish


def untaken_bytes(transport: asyncio.Transport) -> int:
    """How much of what was written to a transport the other side's system has not taken."""
    held = array("i", [0])
    connection = transport.get_extra_info("socket")
    # Only Linux counts for sockets.
    with suppress(OSError):
        fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, held)
    return transport.get_write_buffer_size() + held[0]


class UnhurriedWebSocketProtocol(WebSocketsSansIOProtocol):
    """Parses what has come in when the application has read what came before."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unparsed = bytearray()
        self._given_up_at = float("inf")

    def data_received(self, data: bytes) -> None:
        self._unparsed += data
        self._parse()

    async def receive(self) -> ASGIReceiveEvent:
        event = await super().receive()
        self._parse()
        return event

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.close_timer is not None:
            self.close_timer.cancel()  # uvicorn's own
            self._given_up_at = self.loop.time() + _TAKES_ALL_WITHIN_S
            self._await_answer()
        # Once the application has closed, what is left holds the client's answer to that.
        self._parse()

    def _await_answer(self) -> None:
        self.close_timer = self.loop.call_later(_ANSWERS_WITHIN_S, self._close_unanswered)

    def _close_unanswered(self) -> None:
        if self.loop.time() < self._given_up_at and untaken_bytes(self.transport):
            self._await_answer()
        else:
            self.transport.close()

    def _parse(self) -> None:
        while self._unparsed and not self.read_paused:
            piece = bytes(self._unparsed[:_PIECE_BYTES])
            del self._unparsed[:_PIECE_BYTES]
            super().data_received(piece)
        if self._is_no_handshake():
            # Nobody else would ever close it: there is no application.
            self.transport.close()

    def _is_no_handshake(self) -> bool:
        return self.conn.handshake_exc is not None and not self.handshake_initiated

    def shutdown(self) -> None:
        if not self.handshake_complete and not self.close_sent:
            self.loop.call_later(FIRST_REQUEST_WITHIN_S, self._shutdown_opened)
        else:
            self._shutdown_opened()

    def _shutdown_opened(self) -> None:
        if self.transport.is_closing():
            return
        state = self.scope["state"] if self.handshake_complete and not self.close_sent else {}
        finish: Callable[[], None] | None = state.get(_FINISH)
        if finish is None:
            super().shutdown()
            return
        finish()
        patience_s = self.config.timeout_graceful_shutdown
        if patience_s is not None:
            # Uvicorn, which began to wait a moment later, cuts off without a word.
            self.loop.call_later(patience_s, self._shutdown_if_open)

    def _shutdown_if_open(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()
