"""WebSockets as every service opens them: who may, how one is refused, and what is sent in time.

Browsers let every page open a WebSocket to every server and send no preflight, so the server
itself has to look at `Origin`. Callers that are not browsers send none.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from parley_kit.context import context_of
from parley_kit.errors import ApiError

CLOSE_NORMAL = 1000
CLOSE_TOO_BIG = 1009
CLOSE_RESTART = 1012

# What a send raises when the client has hung up, by how far the news has come; OSError is also
# uvicorn's ClientDisconnected and the TimeoutError of a client that does not read.
_GONE = (WebSocketDisconnect, WebSocketDisconnected, OSError)

_DEFAULT_PORTS = {"http": 80, "https": 443}


class ForeignOrigin(ApiError):
    """403: a page of another site opened the socket."""

    status = 403
    type = "invalid_request_error"
    default_code = "origin_not_allowed"

    def __init__(self, variable: str) -> None:
        super().__init__(f"This origin may not connect: add it to {variable} if it should.")


class UpgradeRequired(ApiError):
    """426: the address is a WebSocket's."""

    status = 426
    type = "invalid_request_error"
    default_code = "upgrade_required"

    def __init__(self) -> None:
        super().__init__(
            "This address is a WebSocket: connect to it with ws:// or wss://.",
            headers={"upgrade": "websocket", "connection": "upgrade"},
        )


class Gone(Exception):
    """The client has hung up, or reads too slowly to be served."""


def origins(listed: Iterable[str]) -> frozenset[str]:
    """Origins from settings, as browsers spell them."""
    spelled = (origin.strip().rstrip("/").lower() for origin in listed)
    return frozenset(origin for origin in spelled if origin)


def check_origin(
    origin: str | None, host: str | None, allowed: Collection[str], variable: str
) -> None:
    """
    Args:
        origin: the `Origin` header; None when there is none.
        host: the `Host` header.
        allowed: origins that may connect (see `origins`); empty: only the page's own.
        variable: the one that lists them in the environment.

    Raises:
        ForeignOrigin: the caller is a page of another site.
    """
    if origin is None:
        return
    if allowed:
        if origin.lower() not in allowed:
            raise ForeignOrigin(variable)
    elif host is None or not same_origin(origin, host):
        raise ForeignOrigin(variable)


def same_origin(origin: str, host: str) -> bool:
    """Whether a page at `origin` was loaded from `host`.

    The scheme is the page's: behind a gateway that ends TLS the service cannot know its own.
    """
    try:
        page = urlsplit(origin)
        port = page.port or _DEFAULT_PORTS[page.scheme]
        served = urlsplit(f"//{host}")
        served_port = served.port or _DEFAULT_PORTS[page.scheme]
    except (ValueError, KeyError):
        return False
    return bool(page.hostname) and (page.hostname, port) == (served.hostname, served_port)


def authorization(header: str | None, subprotocols: Sequence[str], prefix: str) -> str | None:
    """The caller's `Authorization`, or the key behind `prefix` in a subprotocol, as browsers do."""
    if header is not None:
        return header
    keys = [name for name in subprotocols if name.startswith(prefix)]
    return f"Bearer {keys[0].removeprefix(prefix)}" if keys else None


async def accept(socket: WebSocket, subprotocol: str) -> None:
    """Open the socket, with `subprotocol` if it was offered.

    A client that has hung up meanwhile is `Gone` when it is first sent something.
    """
    request_id = context_of(socket.scope).request_id
    with suppress(OSError):
        await socket.accept(
            subprotocol if subprotocol in socket.scope["subprotocols"] else None,
            [(b"x-request-id", request_id.encode("latin-1"))],
        )


async def deny(socket: WebSocket, refusal: ApiError) -> None:
    """Answer a handshake with the envelope where the server can, else with its bare 403.

    A client that has hung up meanwhile is not told.
    """
    with suppress(OSError):
        await _deny(socket, refusal)


async def _deny(socket: WebSocket, refusal: ApiError) -> None:
    if "websocket.http.response" not in socket.scope.get("extensions", {}):
        await socket.close()
        return
    headers = {**(refusal.headers or {}), "x-request-id": context_of(socket.scope).request_id}
    await socket.send_denial_response(
        JSONResponse(refusal.envelope(), status_code=refusal.status, headers=headers)
    )


def size_of(message: str | bytes) -> int:
    """Bytes of a message on the wire."""
    if isinstance(message, bytes) or message.isascii():
        return len(message)
    return len(message.encode(errors="surrogatepass"))


class Connection:
    """An accepted WebSocket with a deadline on every send.

    Several tasks may send at a time; one receives.
    """

    def __init__(self, socket: WebSocket, send_timeout_s: float) -> None:
        self._socket = socket
        self._send_timeout_s = send_timeout_s

    async def receive(self) -> str | bytes:
        """The next message, text or binary.

        Raises:
            Gone: there will be none.
        """
        try:
            message = await self._socket.receive()
        except WebSocketDisconnected as exc:
            raise Gone from exc
        if message["type"] == "websocket.disconnect":
            raise Gone
        text: str | None = message.get("text")
        return text if text is not None else bytes(message["bytes"])

    async def send_text(self, text: str) -> None:
        """
        Raises:
            Gone: the client is not there, or did not take the message in time.
        """
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.send_text(text)
        except _GONE as exc:
            raise Gone from exc

    async def close(self, code: int, reason: str) -> None:
        """Close, if the client still takes that.

        Raises:
            Gone: it does not.
        """
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.close(code, reason)
        except _GONE as exc:
            raise Gone from exc
