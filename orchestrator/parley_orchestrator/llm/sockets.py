"""WebSockets to language models: opened, sent to and closed with deadlines, errors as ours.

The client is `websockets`, because a pool is made of sockets that nobody reads from. Its
connections answer pings and notice a close or a dead peer all the time; those of aiohttp, which
LiveKit brings along, do so only inside `receive()`: a server that pings would drop every idle one,
and the pool would learn of it from the next question. A refused handshake's status and headers
are there with either.
"""

import asyncio
import logging
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.protocol import State

from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.tls import tls_context
from parley_orchestrator.llm.transports.http_failures import status_failure

CLOSE_GOING_AWAY = 1001
CLOSE_ABNORMAL = 1006
_PING_EVERY_S = 20.0
_PONG_WITHIN_S = 10.0
_SEND_WITHIN_S = 5.0
_CLOSE_WITHIN_S = 1.0
_MAX_EVENT_BYTES = 4 << 20

_KINDS: Mapping[int, FailureKind] = {
    1003: "refused",  # we sent what it does not take
    1007: "refused",
    1008: "auth",  # policy: what servers close with when they dislike a key
    1009: "refused",  # our message is too large
    1011: "server",
    1012: "server",  # it restarts
    1013: "rate_limited",  # try again later
    1014: "server",  # its own upstream
    4401: "auth",
}


class Lost(Exception):
    """The socket is closed.

    Args:
        code: the server's close code; `CLOSE_ABNORMAL` where it sent none.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def failure(self, model: str, *, begun: bool) -> LlmFailed:
        """What that means for an answer.

        Args:
            model: whose answer, for the log.
            begun: whether anything of it had come.
        """
        kind = _KINDS.get(self.code, "cut" if begun else "connect")
        return LlmFailed(f"{model} closed the socket with {self.code}", kind)


class _Connect(connect):
    """Follows no redirects: they would take the key to another host."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class Socket:
    """One open WebSocket. One task receives, any may send."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @property
    def is_open(self) -> bool:
        return self._connection.state is State.OPEN

    async def send(self, text: str) -> None:
        """
        Raises:
            Lost: the server is gone, or did not take it in time.
        """
        try:
            async with asyncio.timeout(_SEND_WITHIN_S):
                await self._connection.send(text)
        except ConnectionClosed as exc:
            # Its text has the server's reason, which may quote the conversation.
            raise Lost(_code(exc)) from None
        except TimeoutError as exc:
            self.drop()
            raise Lost(CLOSE_ABNORMAL) from exc

    async def receive(self) -> str | bytes:
        """The next message; waits as long as the socket lives, so callers bring a deadline.

        Raises:
            Lost: there will be none.
        """
        try:
            return await self._connection.recv()
        except ConnectionClosed as exc:
            raise Lost(_code(exc)) from None

    def drop(self) -> None:
        """Hang up at once."""
        self._connection.transport.abort()

    async def close(self) -> None:
        """Close; returns within about a second whatever the server does."""
        await self._connection.close(CLOSE_GOING_AWAY)


def _code(closed: ConnectionClosed) -> int:
    return CLOSE_ABNORMAL if closed.rcvd is None else closed.rcvd.code


async def open_socket(url: str, headers: Mapping[str, str], model: str, within_s: float) -> Socket:
    """
    Args:
        url: see `socket_url`.
        model: whose socket, for the log.

    Raises:
        LlmFailed: `connect`, or what the status says that the server answered with.
    """
    try:
        connection = await _Connect(
            url,
            additional_headers=headers,
            user_agent_header="Parley",
            compression=None,  # deltas are a few bytes
            open_timeout=within_s,
            close_timeout=_CLOSE_WITHIN_S,
            ping_interval=_PING_EVERY_S,
            ping_timeout=_PONG_WITHIN_S,
            max_size=_MAX_EVENT_BYTES,
            ssl=tls_context() if urlsplit(url).scheme == "wss" else None,
            logger=_logger(),
        )
    except InvalidStatus as exc:
        raise status_failure(model, exc.response.status_code, exc.response.headers) from None
    except (OSError, InvalidHandshake, InvalidURI) as exc:  # OSError is also the deadline's
        raise LlmFailed(f"{model} cannot be reached", "connect") from exc
    return Socket(connection)


def socket_url(base_url: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """`base_url` with `path` below it, unless it ends in that, as `ws://` or `wss://`."""
    parts = urlsplit(base_url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    below = parts.path.rstrip("/").removesuffix(path) + path
    return urlunsplit((scheme, parts.netloc, below, urlencode(query or {}), ""))


def bearer(api_key: str) -> dict[str, str]:
    """The header that brings the key, if there is one."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def _logger() -> logging.Logger:
    """At its level `debug` the client writes down every message, and with them what users say."""
    logger = logging.getLogger("parley.orchestrator.sockets")
    logger.setLevel(logging.INFO)
    return logger
