"""Who is let in to stream text, and refused before the handshake."""

import logging
import time

from fastapi import APIRouter
from starlette.websockets import WebSocket

from parley_kit.app import Service
from parley_kit.door import Door, Seats
from parley_kit.sockets import Connection, UpgradeRequired, accept
from parley_kit.ws_server import finish_before_shutdown
from parley_tts.engine import TtsEngine
from parley_tts.measures import SynthesisMetrics
from parley_tts.settings import TtsSettings
from parley_tts.stream.metrics import StreamMetrics
from parley_tts.stream.session import Session
from parley_tts.stream.speaker import House

log = logging.getLogger("parley.access")

SUBPROTOCOL = "parley-speech"

# Somebody who listens as it is played reads the next bytes only when those before are played.
_SEND_TIMEOUT_S = 30.0


def stream_routes(
    service: Service, settings: TtsSettings, engine: TtsEngine, synthesis: SynthesisMetrics
) -> APIRouter:
    router = APIRouter(prefix="/v1")
    metrics = StreamMetrics(service.metrics.registry)
    house = House(engine, service.admission, synthesis, metrics, settings)
    seats = Seats(
        settings.max_sessions,
        settings.max_in_flight_per_key,
        settings.allowed_origins,
        "TTS_ALLOWED_ORIGINS",
    )
    door = Door(service, seats, metrics.sessions)

    async def serve(socket: WebSocket, key_id: str, _: None) -> None:
        await _serve(socket, house, key_id)

    @router.websocket("/audio/speech/stream")
    async def stream(socket: WebSocket) -> None:
        await door.let_in(socket, lambda _: None, serve)

    @router.get("/audio/speech/stream", include_in_schema=False)
    async def plain() -> None:
        raise UpgradeRequired

    return router


async def _serve(socket: WebSocket, house: House, key_id: str) -> None:
    opened = time.perf_counter()
    await accept(socket, SUBPROTOCOL)
    session = Session(Connection(socket, _SEND_TIMEOUT_S), house, key_id)
    finish_before_shutdown(socket.scope, session.leave)
    try:
        await session.run()
    finally:
        seconds = round(time.perf_counter() - opened, 1)
        data = {"seconds": seconds, "utterances": session.utterances, "why": session.ended_by}
        log.info("session closed", extra={"data": data})
