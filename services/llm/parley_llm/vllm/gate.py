"""What of vLLM's HTTP surface is reachable, and on which terms.

vLLM serves far more than OpenAI's API, much of it without a key (`/invocations`, `/tokenize`,
`/scale_elastic_ep` ...). The gate lets through what it names and answers the rest itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from prometheus_client import REGISTRY, generate_latest
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from parley_kit.context import context_of, path_below_root
from parley_kit.errors import DeadlineExceeded, MethodNotAllowed, ModelNotFound, NotFound
from parley_kit.health import Health
from parley_kit.limits import Admission
from parley_kit.metrics import CONTENT_TYPE, Metrics
from parley_llm.request_body import BodyRules, revise
from parley_llm.vllm.answer import Answer
from parley_llm.vllm.running import run
from parley_llm.vllm.watch import Watch

ENDPOINTS = ("/v1/chat/completions", "/v1/completions", "/v1/responses")
_MODELS = "/v1/models"
_GET = ("GET", "HEAD")

_Handler = Callable[[str], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Route:
    """What the edge calls the request in metrics and logs."""

    path: str


class Gate:
    """The application between the edge and vLLM's."""

    def __init__(
        self,
        app: ASGIApp,
        models: Mapping[str, Mapping[str, object]],
        rules: BodyRules,
        admission: Admission,
        health: Health,
        metrics: Metrics,
    ) -> None:
        """
        Args:
            app: vLLM's application.
            models: what `/v1/models` says of each, by id.
        """
        self._app = app
        self._models = models
        self._rules = rules
        self._admission = admission
        self._health = health
        self._metrics = metrics
        self.watch: Watch | None = None
        """Set once vLLM's application has started."""
        self._pages: Mapping[str, _Handler] = {
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/status": self._status,
            "/metrics": self._render_metrics,
            _MODELS: self._list_models,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Raises:
            ApiError: the request is refused, or vLLM refused it.
        """
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        path = path_below_root(scope)
        if path in ENDPOINTS:
            scope["route"] = _Route(path)
            _allow(scope, path, ("POST",))
            await self._forward(path, scope, receive, send)
        else:
            response = await self._answer(path, scope)
            await response(scope, receive, send)

    async def _answer(self, path: str, scope: Scope) -> Response:
        """What the gate itself answers; it knows no other paths."""
        handler = self._pages.get(path)
        route = path
        if handler is None and path.startswith(f"{_MODELS}/"):
            handler, route = self._retrieve_model, f"{_MODELS}/{{model}}"
        if handler is None:
            raise NotFound(f"Unknown request URL: {scope['method']} {path}.", code="unknown_url")
        scope["route"] = _Route(route)
        _allow(scope, path, _GET)
        return await handler(path)

    async def _forward(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._require_ready()
        context = context_of(scope)
        self._admission.check(context.key_id)
        body = revise(path, await _read(receive), self._rules)
        _announce(scope, len(body))
        answer = Answer(send)
        # The edge allows for a last word after the deadline, and ends what has not begun.
        deadline = asyncio.timeout_at(context.deadline)
        async with self._admission.slot(context.key_id):
            try:
                async with deadline:
                    await run(self._app, scope, body, answer)
            except TimeoutError:
                if not (deadline.expired() and answer.streams):
                    raise
                await answer.end_with(DeadlineExceeded(context.timeout_s))
        if answer.error is not None:
            raise answer.error

    def _require_ready(self) -> None:
        self._health.require_ready()
        if self.watch is not None:
            self.watch.require_ready()

    async def _livez(self, path: str) -> Response:
        if self.watch is not None and self.watch.hangs:
            return JSONResponse({"status": "the engine hangs"}, status_code=503)
        return JSONResponse({"status": "ok"})

    async def _readyz(self, path: str) -> Response:
        self._require_ready()
        return JSONResponse({"status": "ready"})

    async def _status(self, path: str) -> Response:
        load = self._admission.load
        return JSONResponse(
            {
                "service": "llm",
                "state": self._health.state,
                "stalled": self.watch is not None and self.watch.stalled,
                "in_flight": load.running,
                "max_in_flight": load.max_concurrency,
                "engine": "vllm",
                "models": list(self._models),
            }
        )

    async def _render_metrics(self, path: str) -> Response:
        """vLLM's metrics, which are in the process's own registry, and the edge's."""
        text = generate_latest(REGISTRY) + self._metrics.render()
        return Response(text, headers={"content-type": CONTENT_TYPE})

    async def _list_models(self, path: str) -> Response:
        return JSONResponse({"object": "list", "data": list(self._models.values())})

    async def _retrieve_model(self, path: str) -> Response:
        name = path.removeprefix(f"{_MODELS}/")
        if name not in self._models:
            raise ModelNotFound(name)
        return JSONResponse(self._models[name])


def _allow(scope: Scope, path: str, methods: tuple[str, ...]) -> None:
    method: str = scope["method"]
    if method not in methods:
        raise MethodNotAllowed(
            f"Method {method} is not allowed on {path}.",
            code="method_not_allowed",
            headers={"allow": ", ".join(methods)},
        )


async def _read(receive: Receive) -> bytes:
    """The whole body, which the edge bounds."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        body += piece
        if not message.get("more_body", False):
            return body


def _announce(scope: Scope, length: int) -> None:
    kept = [header for header in scope["headers"] if header[0] != b"content-length"]
    scope["headers"] = [*kept, (b"content-length", b"%d" % length)]
