"""The edge inside vLLM's server: `vllm serve --middleware parley_llm.vllm.edge.VllmEdge`.

The kit's edge gives ids, checks keys, bounds bodies and time, cancels on hang-up, counts and logs;
the gate inside it does what is vLLM's own. Settings are read from the environment, as vLLM gives
a middleware nothing but the application.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from prometheus_client import REGISTRY
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parley_kit.auth import Authenticator
from parley_kit.edge import EdgeMiddleware, EdgePolicy
from parley_kit.health import Health
from parley_kit.limits import Admission
from parley_kit.metrics import Metrics
from parley_kit.models import model_object
from parley_kit.settings import load
from parley_llm.request_body import BodyRules
from parley_llm.settings import LlmSettings
from parley_llm.vllm.cards import CARDS
from parley_llm.vllm.command import in_flight
from parley_llm.vllm.gate import Gate
from parley_llm.vllm.logs import take_over
from parley_llm.vllm.watch import Watch

_OPEN = frozenset((method, path) for method in ("GET", "HEAD") for path in ("/livez", "/readyz"))
# vLLM counts in the process's own registry; both grow while anything is computed.
_TOKENS = ("vllm:prompt_tokens_total", "vllm:generation_tokens_total")


class VllmEdge:
    """The outermost of vLLM's middleware."""

    def __init__(self, app: ASGIApp) -> None:
        """
        Raises:
            SettingsError: the environment is wrong, or holds no key.
        """
        settings = load(LlmSettings)
        take_over(settings)
        self._app = app
        self._settings = settings
        self._health = Health()
        # What waits for the engine waits inside vLLM, so all of it has a place here.
        self._admission = Admission(in_flight(settings), 0, settings.max_in_flight_per_key)
        metrics = Metrics()
        metrics.watch(self._admission)
        metrics.watch_readiness(self._is_ready)
        rules = BodyRules(settings.max_n, settings.max_messages)
        models = _models(settings)
        self._gate = Gate(app, models, rules, self._admission, self._health, metrics)
        self._edge = EdgeMiddleware(self._gate, _policy(settings), metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        else:
            await self._edge(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch the engine from when vLLM's application has started until it has ended."""
        watching: list[asyncio.Task[None]] = []

        async def start_then_send(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                watching.append(self._start(scope.get("app")))
            await send(message)

        try:
            await self._app(scope, receive, start_then_send)
        finally:
            self._health.mark_draining()
            for task in watching:
                task.cancel()

    def _is_ready(self) -> bool:
        watch = self._gate.watch
        return self._health.ready and not (watch is not None and watch.stalled)

    def _start(self, host: object) -> "asyncio.Task[None]":
        _on_sigterm(self._health.mark_draining)
        settings = self._settings
        watch = Watch(
            self._app, host, settings.served_models[0], self._health, self._admission,
            tokens_so_far, stall_after_s=settings.stall_after_s, on_hang=_end_this_process,
        )  # fmt: skip
        self._gate.watch = watch
        return asyncio.create_task(watch.run(), name="engine watch")


def tokens_so_far() -> float | None:
    """How many tokens vLLM has read and written, or None when it does not count them."""
    metrics = REGISTRY.restricted_registry(_TOKENS).collect()
    counts = [s.value for metric in metrics for s in metric.samples if s.name in _TOKENS]
    return sum(counts) if counts else None


def _policy(settings: LlmSettings) -> EdgePolicy:
    return EdgePolicy(
        authenticator=Authenticator.from_settings(settings),
        is_open=lambda method, path: (method, path) in _OPEN,
        max_body_bytes=settings.max_body_bytes,
        min_body_bytes_per_s=settings.min_body_bytes_per_s,
        max_body_wait_s=settings.max_body_wait_s,
        max_header_bytes=settings.max_header_bytes,
        request_timeout_s=settings.request_timeout_s,
    )


def _models(settings: LlmSettings) -> dict[str, dict[str, object]]:
    context = settings.context_tokens or CARDS[settings.gpu_memory_gb].context_tokens
    return {
        name: {**model_object(name), "max_model_len": context} for name in settings.served_models
    }


def _on_sigterm(drain: Callable[[], None]) -> None:
    """Be told of the signal as well as vLLM, which goes on accepting requests while it drains.

    The event loop hears of signals through a file descriptor, whatever handler Python has.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)

    def handle(number: int, frame: FrameType | None) -> None:
        drain()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, handle)


def _end_this_process() -> None:
    """Leave it to what supervises the container to start another."""
    os.kill(os.getpid(), signal.SIGTERM)
