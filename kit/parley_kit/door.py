"""Who is let in to a session over a WebSocket: everything is checked before the handshake."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import Gauge
from starlette.websockets import WebSocket

from parley_kit.app import Service
from parley_kit.errors import ApiError, Overloaded
from parley_kit.limits import Admission
from parley_kit.sockets import authorization, check_origin, deny, origins

T = TypeVar("T")

log = logging.getLogger("parley.access")

KEY_SUBPROTOCOL_PREFIX = "openai-insecure-api-key."
"""OpenAI's, for browsers, which cannot set a header."""


@dataclass(frozen=True, slots=True)
class Seats:
    """How many sessions there may be, and which pages may open one."""

    max_sessions: int
    max_per_key: int
    allowed_origins: tuple[str, ...]
    origins_variable: str
    """The one that lists the origins in the environment."""
    what: str = "sessions"
    """What there are too many of, in the words of a refusal."""


class Door:
    """Lets sessions in, and counts them."""

    def __init__(self, service: Service, seats: Seats, open_sessions: Gauge) -> None:
        self._service = service
        self._origins = origins(seats.allowed_origins)
        self._variable = seats.origins_variable
        self._what = seats.what
        self._seats = Admission(seats.max_sessions, 0, seats.max_per_key)
        self._seats.on_refusal = lambda reason: service.metrics.refused("sessions")
        service.metrics.expect_refusals("sessions")
        self._open_sessions = open_sessions

    async def let_in(
        self,
        socket: WebSocket,
        asked: Callable[[WebSocket], T],
        serve: Callable[[WebSocket, str, T], Awaitable[None]],
    ) -> None:
        """Serve the session, or refuse it with an HTTP status.

        Args:
            asked: what the address asks for; raises an ApiError if that is not here.
            serve: accepts the socket and returns when the session is over; it is given the id of
                the caller's key, and what `asked` found.
        """
        key_id: str | None = None
        try:
            key_id = self._admit(socket)
            self._service.health.require_ready()
            wanted = asked(socket)
            self._check_seats(key_id)
        except ApiError as refusal:
            data = {"status": refusal.status, "code": refusal.code, "key": key_id or "-"}
            log.info("session refused", extra={"data": data})
            await deny(socket, refusal)
            return
        async with self._seats.slot(key_id):
            with self._open_sessions.track_inprogress():
                await serve(socket, key_id, wanted)

    def _admit(self, socket: WebSocket) -> str:
        """The caller's key id.

        Raises:
            ForeignOrigin, InvalidApiKey: the socket is not opened.
        """
        headers, offered = socket.headers, socket.scope["subprotocols"]
        check_origin(headers.get("origin"), headers.get("host"), self._origins, self._variable)
        header = authorization(headers.get("authorization"), offered, KEY_SUBPROTOCOL_PREFIX)
        return self._service.authenticator.identify(header)

    def _check_seats(self, key_id: str) -> None:
        """
        Raises:
            RateLimited, Overloaded: there is none for this key, or for anybody.
        """
        try:
            self._seats.check(key_id)
        except Overloaded as full:
            raise Overloaded(
                f"{self._seats.load.running} {self._what} are open, and no more are allowed.",
                retry_after_s=full.retry_after_s,
            ) from None
