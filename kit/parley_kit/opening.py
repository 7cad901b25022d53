"""A WebSocket's handshake on its way through the edge: who is refused is told why.

To a caller a socket that the application closes before it has accepted it is a 403 without a word;
frameworks answer so where they have no socket.
"""

import logging
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from parley_kit.errors import ApiError, NotFound
from parley_kit.sockets import deny

log = logging.getLogger("parley.access")


class Opening:
    """See the module."""

    __slots__ = ("_begun", "_receive", "_scope", "_send")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._begun = False

    async def run(self, app: ASGIApp) -> None:
        """Let the application answer the handshake, and serve the socket that it accepts."""
        await app(self._scope, self._receive, self.send)

    def send(self, message: Message) -> Awaitable[None]:
        """The application's `send`: looks at the first message.

        It is no coroutine of its own, which every event of a session would pay for.
        """
        if not self._begun:
            self._begun = True
            if message["type"] == "websocket.close":
                path = self._scope["path"]
                return self.refuse(NotFound(f"No WebSocket is at {path}.", code="unknown_url"))
        return self._send(message)

    async def refuse(self, refusal: ApiError) -> None:
        """Answer with the envelope of `refusal`."""
        log.info("socket refused", extra={"data": {"status": refusal.status, "code": refusal.code}})
        await deny(WebSocket(self._scope, self._receive, self._send), refusal)
