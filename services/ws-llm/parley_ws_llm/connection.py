"""One WebSocket: messages of the protocol out, with a deadline on every send."""

from parley_kit import sockets
from parley_kit.ws_protocol import ServerMessage, encode


class Closed(Exception):
    """The connection has to be closed, after saying why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Connection(sockets.Connection):
    """Sends messages of the protocol."""

    async def send(self, message: ServerMessage) -> None:
        """
        Raises:
            Gone: the client is not there, or did not take the message in time.
        """
        await self.send_text(encode(message))
