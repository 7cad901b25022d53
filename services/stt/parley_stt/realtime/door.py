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
from parley_kit.errors import ApiError, InvalidRequest, ModelNotFound, Overloaded
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
from parley_stt.engine import SttEngine
from parley_stt.realtime.metrics import RealtimeMetrics
from parley_stt.realtime.protocol import Dialect
from parley_stt.realtime.session import House, Session
from parley_stt.settings import SttSettings
from parley_stt.voice import VoiceDetector

log = logging.getLogger("parley.access")

SUBPROTOCOL = "realtime"
KEY_SUBPROTOCOL_PREFIX = "openai-insecure-api-key."
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
    door = Door(service, House(engine, VoiceDetector(), ears, metrics, settings))

    @router.websocket("/realtime")
    async def realtime(socket: WebSocket) -> None:
        await door(socket)

    @router.get("/realtime", include_in_schema=False)
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
            model = self._model(socket)
            self._check_seats(key_id)
        except ApiError as refusal:
            data = {"status": refusal.status, "code": refusal.code, "key": key_id or "-"}
            log.info("session refused", extra={"data": data})
            await deny(socket, refusal)
            return
        async with self._seats.slot(key_id):
            with self._house.metrics.sessions.track_inprogress():
                await self._serve(socket, model)

    def _admit(self, socket: WebSocket) -> str:
        """The caller's key id.

        Raises:
            ForeignOrigin, InvalidApiKey: the socket is not opened.
        """
        headers, offered = socket.headers, socket.scope["subprotocols"]
        check_origin(
            headers.get("origin"), headers.get("host"), self._origins, "STT_ALLOWED_ORIGINS"
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
                f"{self._seats.load.running} realtime sessions are open, and no more are allowed.",
                retry_after_s=retry_after_s,
            ) from None

    def _model(self, socket: WebSocket) -> str:
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
        models = self._house.engine.models
        model = socket.query_params.get("model") or models[0]
        if model not in models:
            raise ModelNotFound(model)
        return model

    async def _serve(self, socket: WebSocket, model: str) -> None:
        opened = time.perf_counter()
        await accept(socket, SUBPROTOCOL)
        connection = Connection(socket, _SEND_TIMEOUT_S)
        session = Session(connection, self._house, model, _dialect(socket))
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
