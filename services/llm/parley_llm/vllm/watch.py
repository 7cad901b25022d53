"""Watches the engine behind the edge: warm before it is ready, and never ready while it hangs."""

import asyncio
import json
import logging
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message

from parley_kit.errors import NotReady
from parley_kit.health import Health, State
from parley_kit.limits import Admission
from parley_llm.vllm.stall import StallDetector

log = logging.getLogger("parley.engine")

_LOOK_EVERY_S = 1.0
_PROBE_TIMEOUT_S = 30.0
_OK = 200
_PROBE_PATH = "/v1/completions"


class Watch:
    """Looks at the engine once a second; asks it for a token when it has to show that it works."""

    def __init__(
        self,
        app: ASGIApp,
        host: object,
        model: str,
        health: Health,
        admission: Admission,
        tokens: Callable[[], float | None],
        *,
        stall_after_s: float,
        on_hang: Callable[[], None],
    ) -> None:
        """
        Args:
            app: vLLM's application inside the edge.
            host: the whole of it, which its handlers look for in their scope.
            model: a name that it serves.
            tokens: how many tokens the engine has read and written so far; where that is not
                known, a stall is not either.
            stall_after_s: seconds without a token, while requests run, that are a stall.
            on_hang: called once when a stall has lasted four times as long.
        """
        self._app = app
        self._host = host
        self._model = model
        self._health = health
        self._admission = admission
        self._tokens = tokens
        self._detector = StallDetector(stall_after_s)
        self._hangs_after_s = 4 * stall_after_s
        self._on_hang = on_hang
        self._probe: asyncio.Task[None] | None = None
        self.hangs = False

    @property
    def stalled(self) -> bool:
        return self._detector.stalled

    def require_ready(self) -> None:
        """
        Raises:
            NotReady: the engine is loading, draining or stalled.
        """
        self._health.require_ready()
        if self.stalled:
            raise NotReady("The service is not ready: its engine has stalled.", retry_after_s=5)

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._look(loop.time())
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            if self._probe is not None:
                self._probe.cancel()

    def _look(self, now: float) -> None:
        probing = self._probe is not None and not self._probe.done()
        running = self._admission.load.running
        was = self.stalled
        tokens = self._tokens()
        if tokens is not None:
            self._detector.look(now, running + probing, tokens)
        if self.stalled != was:
            log.warning("the engine has stalled" if self.stalled else "the engine moves again")
        if self._detector.waited_s >= self._hangs_after_s and not self.hangs:
            self.hangs = True
            log.error("the engine hangs")
            self._on_hang()
        loading = self._health.state is State.STARTING
        unproven = loading or (self.stalled and not running)
        if unproven and not probing:
            self._probe = asyncio.create_task(self._prove(), name="warm inference")

    async def _prove(self) -> None:
        status = 0
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_S):
                status = await _ask_for_a_token(self._app, self._host, self._model)
        except Exception as exc:
            log.warning("a warm inference failed", exc_info=exc)
            return
        if status != _OK:
            log.warning("a warm inference was answered with %d", status)
        elif self._health.state is State.STARTING:
            self._health.mark_ready()
            log.info("llm is ready")


async def _ask_for_a_token(app: ASGIApp, host: object, model: str) -> int:
    """The status of the reply to a request that only this process has made."""
    body = json.dumps({"model": model, "prompt": "Hello", "max_tokens": 1}).encode()
    status = 0
    ended = asyncio.Event()
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        message = next(messages, None)
        if message is None:
            await ended.wait()
            return {"type": "http.disconnect"}
        return message

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    try:
        await app(_scope(host, len(body)), receive, send)
    finally:
        ended.set()
    return status


def _scope(host: object, length: int) -> MutableMapping[str, Any]:
    return {
        "app": host,
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": _PROBE_PATH,
        "raw_path": _PROBE_PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % length),
        ],
        "client": None,
        "server": None,
        "state": {},
    }
