"""The page and the socket share the service's root: a GET is the page, an upgrade the socket."""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from parley_kit.app import Service
from parley_kit.errors import ApiError, InvalidApiKey, NotReady
from parley_kit.health import State
from parley_kit.pages import BareRoot, is_bare_root
from parley_kit.sockets import accept, authorization, check_origin, deny
from parley_kit.ws_protocol import KEY_SUBPROTOCOL_PREFIX, SUBPROTOCOL
from parley_kit.ws_server import finish_before_shutdown
from parley_ws_llm.assistant import Assistant
from parley_ws_llm.connection import Connection
from parley_ws_llm.seats import Seat, Seats
from parley_ws_llm.session import Session
from parley_ws_llm.settings import WsLlmSettings

log = logging.getLogger("parley.access")

_FILES = ("chat.css", "chat.js", "conversation.js", "link.js", "icon.svg")
PAGE = {"/": "chat.html", **{f"/{name}": name for name in _FILES}}

Endpoint = Callable[[WebSocket], Awaitable[None]]


class Door:
    """Lets sockets in: refuses with an HTTP status before the handshake, never after it."""

    def __init__(self, service: Service, settings: WsLlmSettings, assistant: Assistant) -> None:
        self._service = service
        self._settings = settings
        self._assistant = assistant
        self._seats = Seats(
            settings.max_connections,
            settings.max_connections_per_key,
            lambda: service.metrics.refused("sessions"),
        )
        service.metrics.expect_refusals("sessions")

    async def __call__(self, socket: WebSocket) -> None:
        try:
            key_id, seat = self._admit(socket)
        except ApiError as refusal:
            log.info("socket refused", extra={"data": {"status": refusal.status}})
            await deny(socket, refusal)
            return
        opened = time.perf_counter()
        sockets = self._assistant.metrics.sockets
        sockets.inc()
        try:
            await self._serve(socket, key_id, seat)
        finally:
            sockets.dec()
            seat.leave()
            seconds = round(time.perf_counter() - opened, 1)
            log.info("socket closed", extra={"data": {"seconds": seconds}})

    def _admit(self, socket: WebSocket) -> tuple[str | None, Seat]:
        """The caller's key id, None when the caller brings its key in a message; and its place.

        Raises:
            ApiError: the socket is not opened.
        """
        headers, offered = socket.headers, socket.scope["subprotocols"]
        check_origin(
            headers.get("origin"),
            headers.get("host"),
            self._settings.origins,
            "WS_LLM_ALLOWED_ORIGINS",
        )
        key_id = self._identify(headers.get("authorization"), offered)
        if self._service.health.state is State.DRAINING:
            raise NotReady("The service is about to end: connect again.", retry_after_s=2)
        seat = self._seats.take()
        try:
            if key_id is not None:
                seat.claim(key_id)
        except ApiError:
            seat.leave()
            raise
        return key_id, seat

    def _identify(self, header: str | None, offered: Sequence[str]) -> str | None:
        """
        Raises:
            InvalidApiKey: the caller brought a key, and it is wrong.
        """
        given = authorization(header, offered, KEY_SUBPROTOCOL_PREFIX)
        try:
            return self._service.authenticator.identify(given)
        except InvalidApiKey:
            if given is not None:
                raise
            return None

    async def _serve(self, socket: WebSocket, key_id: str | None, seat: Seat) -> None:
        await accept(socket, SUBPROTOCOL)
        connection = Connection(socket, self._settings.send_timeout_s)
        session = Session(
            connection, seat, self._assistant, self._service.authenticator, self._settings
        )
        finish_before_shutdown(socket.scope, session.leave)
        await session.run(key_id)


class SocketAtBareRoot(BaseRoute):
    """`/ws-llm` itself, as a socket; a browser's GET of it is redirected."""

    def __init__(self, door: Endpoint) -> None:
        self._door = door

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = scope["type"] == "websocket" and is_bare_root(scope)
        return (Match.FULL if found else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._door(WebSocket(scope, receive, send))


def add_socket_routes(service: Service, door: Endpoint) -> None:
    """Serve the socket at the root, with and without its slash, and at `/ws`."""
    router = APIRouter()

    @router.websocket("/")
    @router.websocket("/ws")
    async def chat(socket: WebSocket) -> None:
        await door(socket)

    service.include_router(router)
    service.router.routes += [SocketAtBareRoot(door), BareRoot()]
