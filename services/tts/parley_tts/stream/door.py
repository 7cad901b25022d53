"""Who is let in to stream text, and refused before the handshake."""

import logging
import time

from fastapi import APIRouter
from starlette.websockets import WebSocket

from parley_kit.app import Service
from parley_kit.errors import ApiError, Overloaded
from parley_kit.limits import Admission
from parley_kit.sockets import (
    Connection,
    UpgradeRequired,
    accept,
    authorization,
    check_origin,
    deny,
    origins,
)
from parley_tts.engine import TtsEngine
from parley_tts.measures import SynthesisMetrics
from parley_tts.settings import TtsSettings
from parley_tts.stream.metrics import StreamMetrics
from parley_tts.stream.session import Session
from parley_tts.stream.speaker import House

log = logging.getLogger("parley.access")

SUBPROTOCOL = "parley-speech"
KEY_SUBPROTOCOL_PREFIX = "openai-insecure-api-key."

# Somebody who listens as it is played reads the next bytes only when those before are played.
_SEND_TIMEOUT_S = 30.0


def stream_routes(
    service: Service, settings: TtsSettings, engine: TtsEngine, synthesis: SynthesisMetrics
) -> APIRouter:
    router = APIRouter(prefix="/v1")
    metrics = StreamMetrics(service.metrics.registry)
    door = Door(service, House(engine, service.admission, synthesis, metrics, settings))

    @router.websocket("/audio/speech/stream")
    async def stream(socket: WebSocket) -> None:
        await door(socket)

    @router.get("/audio/speech/stream", include_in_schema=False)
    async def plain() -> None:
        raise UpgradeRequired

    return router


class Door:
    """Lets sessions in, and counts them."""

    def __init__(self, service: Service, house: House) -> None:
        settings = house.settings
        self._service = service
        self._house = house
        self._origins = origins(settings.allowed_origins)
        self._seats = Admission(settings.max_sessions, 0, settings.max_in_flight_per_key)

    async def __call__(self, socket: WebSocket) -> None:
        key_id: str | None = None
        try:
            key_id = self._admit(socket)
            self._service.health.require_ready()
            self._check_seats(key_id)
        except ApiError as refusal:
            data = {"status": refusal.status, "code": refusal.code, "key": key_id or "-"}
            log.info("session refused", extra={"data": data})
            await deny(socket, refusal)
            return
        async with self._seats.slot(key_id):
            with self._house.metrics.sessions.track_inprogress():
                await self._serve(socket, key_id)

    def _admit(self, socket: WebSocket) -> str:
        """The caller's key id.

        Raises:
            ForeignOrigin, InvalidApiKey: the socket is not opened.
        """
        headers, offered = socket.headers, socket.scope["subprotocols"]
        check_origin(
            headers.get("origin"), headers.get("host"), self._origins, "TTS_ALLOWED_ORIGINS"
        )
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
            retry_after_s = int((full.headers or {})["retry-after"])
            raise Overloaded(
                f"{self._seats.load.running} sessions are open, and no more are allowed.",
                retry_after_s=retry_after_s,
            ) from None

    async def _serve(self, socket: WebSocket, key_id: str) -> None:
        opened = time.perf_counter()
        await accept(socket, SUBPROTOCOL)
        session = Session(Connection(socket, _SEND_TIMEOUT_S), self._house, key_id)
        try:
            await session.run()
        finally:
            seconds = round(time.perf_counter() - opened, 1)
            data = {"seconds": seconds, "utterances": session.utterances, "why": session.ended_by}
            log.info("session closed", extra={"data": data})
