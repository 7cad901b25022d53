"""`WS /v1/realtime?intent=transcription`: who is let in, and refused before the handshake."""

import logging
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter
from starlette.websockets import WebSocket

from parley_kit.app import Service
from parley_kit.door import Door, Seats
from parley_kit.errors import InvalidRequest, ModelNotFound
from parley_kit.sockets import Connection, UpgradeRequired, accept
from parley_kit.ws_server import finish_before_shutdown
from parley_stt.engine import SttEngine
from parley_stt.realtime.conversation import House
from parley_stt.realtime.metrics import RealtimeMetrics
from parley_stt.realtime.protocol import Dialect
from parley_stt.realtime.session import Session
from parley_stt.settings import SttSettings
from parley_stt.voice import VoiceDetector

log = logging.getLogger("parley.access")

SUBPROTOCOL = "realtime"
_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"
_BETA_HEADER = "realtime=v1"

_SEND_TIMEOUT_S = 10.0
_EAR_THREADS = 2


def realtime_routes(service: Service, settings: SttSettings, engine: SttEngine) -> APIRouter:
    """
    Raises:
        SettingsError: voice activity detection is not installed.
    """
    ears = ThreadPoolExecutor(_EAR_THREADS, thread_name_prefix="ears")

    @asynccontextmanager
    async def closing(_: Any) -> AsyncIterator[None]:
        yield
        ears.shutdown(wait=False, cancel_futures=True)

    router = APIRouter(prefix="/v1", lifespan=closing)
    metrics = RealtimeMetrics(service.metrics.registry)
    house = House(engine, VoiceDetector(), ears, metrics, settings)
    seats = Seats(
        settings.max_sessions,
        settings.max_in_flight_per_key,
        settings.allowed_origins,
        "STT_ALLOWED_ORIGINS",
        "realtime sessions",
    )
    door = Door(service, seats, metrics.sessions)

    async def serve(socket: WebSocket, _: str, model: str) -> None:
        await _serve(socket, house, model)

    @router.websocket("/realtime")
    async def realtime(socket: WebSocket) -> None:
        await door.let_in(socket, lambda asked: _model(asked, engine), serve)

    @router.get("/realtime", include_in_schema=False)
    async def plain() -> None:
        raise UpgradeRequired

    return router


def _model(socket: WebSocket, engine: SttEngine) -> str:
    """The model that the address asks for.

    Raises:
        InvalidRequest, ModelNotFound: it asks for something that is not here.
    """
    if socket.query_params.get("intent") != "transcription":
        raise InvalidRequest(
            "This server has transcription sessions only: connect to "
            "/v1/realtime?intent=transcription.",
            param="intent",
        )
    models = engine.models
    model = socket.query_params.get("model") or models[0]
    if model not in models:
        raise ModelNotFound(model)
    return model


async def _serve(socket: WebSocket, house: House, model: str) -> None:
    opened = time.perf_counter()
    await accept(socket, SUBPROTOCOL)
    connection = Connection(socket, _SEND_TIMEOUT_S)
    session = Session(connection, house, model, _dialect(socket))
    finish_before_shutdown(socket.scope, session.leave)
    try:
        await session.run()
    finally:
        seconds = round(time.perf_counter() - opened, 1)
        data = {"seconds": seconds, "items": session.items, "why": session.ended_by}
        log.info("session closed", extra={"data": data})


def _dialect(socket: WebSocket) -> Dialect:
    """In which the caller expects to be greeted."""
    asked = socket.headers.get("openai-beta", "")
    beta = _BETA_HEADER in asked or _BETA_SUBPROTOCOL in socket.scope["subprotocols"]
    return "beta" if beta else "ga"
