"""The application that every service is: its own routes inside, edge and health outside."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from prometheus_client import ProcessCollector
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from parley_kit.auth import Authenticator
from parley_kit.edge import EdgeMiddleware, EdgePolicy
from parley_kit.errors import (
    ApiError,
    NotReady,
    SettingsError,
    from_http_exception,
    from_validation,
)
from parley_kit.health import Health, State, progress_of
from parley_kit.lag import LoopLag
from parley_kit.limits import Admission
from parley_kit.metrics import CONTENT_TYPE, Metrics
from parley_kit.settings import ServiceSettings

log = logging.getLogger("parley.app")

_OPEN = frozenset({("GET", "/livez"), ("HEAD", "/livez"), ("GET", "/readyz"), ("HEAD", "/readyz")})


class Component(Protocol):
    """What a service serves: an engine, or the client of an upstream."""

    async def start(self) -> None:
        """Load, then run one real inference; the service is ready when this returns."""

    async def close(self) -> None:
        """Release everything; called once, also when `start` failed or was cancelled."""

    def status(self) -> Mapping[str, object]:
        """What `/status` tells of it: engine, model, device, progress of a download."""


class Service(FastAPI):
    """A service's application with what its routes and its host need beside it."""

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        component: Component,
        *,
        open_paths: frozenset[tuple[str, str]] = frozenset(),
        health: Health | None = None,
    ) -> None:
        """
        Args:
            name: served below `/<name>` and, inside its container, at the root too.
            open_paths: pairs of method and path that need no key.
            health: where the component has it too, to say when it is away.

        Raises:
            SettingsError: no key is configured although one is needed.
        """
        super().__init__(
            title=f"Parley {name}",
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            lifespan=_lifespan,
        )
        self.name = name
        self.settings = settings
        self.component = component
        self.health = health or Health()
        self.metrics = Metrics()
        self.metrics.watch_readiness(lambda: self.health.ready)
        ProcessCollector(registry=self.metrics.registry)
        self.lag = LoopLag(self.metrics.registry)
        self.authenticator = Authenticator.from_settings(settings)
        self.admission = Admission(
            settings.max_concurrency, settings.max_queue, settings.max_in_flight_per_key
        )
        self.metrics.watch(self.admission)
        allowed = _OPEN | open_paths
        self._policy = EdgePolicy(
            authenticator=self.authenticator,
            is_open=lambda method, path: (method, path) in allowed,
            max_body_bytes=settings.max_body_bytes,
            min_body_bytes_per_s=settings.min_body_bytes_per_s,
            max_body_wait_s=settings.max_body_wait_s,
            max_header_bytes=settings.max_header_bytes,
            request_timeout_s=settings.request_timeout_s,
        )
        self.on_failure: Callable[[], None] = lambda: None
        """Called once when the component could not start; a host ends its process then."""
        self.on_ready: Callable[[], None] = lambda: None
        """Called once when the component has started, before the service says that it is ready."""
        self.keeps_waiting_s = 0.0
        """How long callers wait at the door for a component that starts soon, instead of a 503."""
        self.include_router(_health_routes(self))
        _answer_errors_in_the_envelope(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve below `/<name>` and at the root: routing strips a root path that is there."""
        if scope["type"] != "lifespan":
            scope["root_path"] = f"/{self.name}"
        await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """The edge around the routes.

        It does what Starlette's `ServerErrorMiddleware` would, which FastAPI puts outermost:
        without that there is one layer less for every event of a stream.
        """
        routes = AsyncExitStackMiddleware(self.router)
        handlers: Mapping[Any, Any] = self.exception_handlers
        app = ExceptionMiddleware(routes, handlers=handlers)
        return EdgeMiddleware(app, self._policy, self.metrics)


@asynccontextmanager
async def _lifespan(service: FastAPI) -> AsyncIterator[None]:
    """Load beside serving, so that `/livez` and `/status` answer while a model loads for long."""
    assert isinstance(service, Service)
    tasks = (
        asyncio.create_task(_load(service), name=f"load {service.name}"),
        asyncio.create_task(service.lag.watch(), name=f"event loop lag {service.name}"),
    )
    try:
        await asyncio.wait(tasks[:1], timeout=service.keeps_waiting_s)
        yield
    finally:
        service.health.mark_draining()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await service.component.close()


async def _load(service: Service) -> None:
    try:
        await service.component.start()
    except SettingsError as exc:  # its message is ours, and says what to change
        log.error("%s could not start: %s", service.name, exc)
        _give_up(service, str(exc))
    except Exception as exc:
        log.error("%s could not start", service.name, exc_info=exc)
        _give_up(service, str(exc) or type(exc).__name__)
    else:
        service.on_ready()
        service.health.mark_ready()
        log.info("%s is ready", service.name, extra={"data": dict(service.component.status())})


def _give_up(service: Service, reason: str) -> None:
    service.health.mark_failed(reason)
    service.on_failure()


def _health_routes(service: Service) -> APIRouter:
    router = APIRouter()

    @router.api_route("/livez", methods=["GET", "HEAD"])
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> Response:
        try:
            service.health.require_ready()
        except NotReady as refusal:
            return _response(refusal, **progress_of(service.component.status()))
        return JSONResponse({"status": State.READY})

    @router.get("/status")
    async def status() -> dict[str, object]:
        return status_of(service)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(service.metrics.render(), headers={"content-type": CONTENT_TYPE})

    return router


def status_of(service: Service) -> dict[str, object]:
    """The body of `/status`."""
    load = service.admission.load
    return {
        "service": service.name,
        "state": service.health.state,
        "reason": service.health.reason,
        "running": load.running,
        "queued": load.queued,
        "max_concurrency": load.max_concurrency,
        "max_queue": load.max_queue,
        **service.component.status(),
    }


def _answer_errors_in_the_envelope(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def http_error(request: Request, exc: HTTPException) -> Response:
        return _response(from_http_exception(exc, request.method, request.scope["path"]))

    @app.exception_handler(RequestValidationError)
    async def validation_error(request: Request, exc: RequestValidationError) -> Response:
        return _response(from_validation(exc.errors()))


def _response(error: ApiError, **beside: object) -> JSONResponse:
    body = {**error.envelope(), **beside}
    return JSONResponse(body, status_code=error.status, headers=error.headers)
