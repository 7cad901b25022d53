"""One WebSocket: messages of the protocol in and out, with a deadline on every send."""

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from parley_kit.ws_protocol import ServerMessage, encode


class Gone(Exception):
    """The client has hung up, or reads too slowly to be served."""


class Closed(Exception):
    """The connection has to be closed, after saying why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Connection:
    """An accepted WebSocket. Several tasks may send at a time; one receives."""

    def __init__(self, socket: WebSocket, send_timeout_s: float) -> None:
        self._socket = socket
        self._send_timeout_s = send_timeout_s

    async def receive(self) -> str | bytes:
        """The next message, text or binary.

        Raises:
            Gone: there will be none.
        """
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        text: str | None = message.get("text")
        return text if text is not None else bytes(message["bytes"])

    async def send(self, message: ServerMessage) -> None:
        """
        Raises:
            Gone: the client is not there, or did not take the message in time.
        """
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.send_text(encode(message))
        except (TimeoutError, WebSocketDisconnect) as exc:
            raise Gone from exc

    async def close(self, code: int, reason: str) -> None:
        """Close, if the client still takes that."""
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.close(code, reason)
        except (TimeoutError, WebSocketDisconnect) as exc:
            raise Gone from exc
