"""Whether the upstream is there: asked at the start until it is, and now and then afterwards."""

import asyncio
import json
import logging
from collections.abc import Callable

from parley_kit.errors import UpstreamFailed
from parley_kit.upstream import TIMED_OUT, UNREACHABLE, Upstream
from parley_ws_llm.engines.faults import require_ok, upstream_errors

log = logging.getLogger("parley.upstream")

_TIMEOUT_S = 5.0
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.1, 5.0
_MAX_LIST_BYTES = 1 << 20
_FAILURES = 2
"""In a row until the upstream counts as away: one may be an accident."""


class Probe:
    """Lists the upstream's models, which costs it nothing; an answer that succeeds spares that."""

    def __init__(self, model: str, every_s: float, on_change: Callable[[bool], None]) -> None:
        """
        Args:
            on_change: told when the upstream is away (False) and when it is back (True).
        """
        self.state = "starting"
        self.model_listed: bool | None = None
        self._model = model
        self._every_s = every_s
        self._on_change = on_change
        self._failures = 0
        self._worked_since_look = False

    async def wait(self, upstream: Upstream) -> None:
        """Return when the upstream answers: it may be starting at the same time."""
        pause_s = _FIRST_PAUSE_S
        while not await self._answers(upstream):
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)
        self._failures = 0

    async def watch(self, upstream: Upstream) -> None:
        """Look for ever; more often while the upstream seems away."""
        while True:
            away = self._failures > 0
            await asyncio.sleep(min(self._every_s, 1.0) if away else self._every_s)
            if self._worked_since_look:
                self._worked_since_look = False
            elif await self._answers(upstream):
                self.worked()

    def worked(self) -> None:
        """An answer came to its end."""
        self.state = "answering"
        self._worked_since_look = True
        if self._failures >= _FAILURES:
            log.info("the language model is back")
            self._on_change(True)
        self._failures = 0

    def failed(self, why: UpstreamFailed) -> None:
        """An answer or a look failed; one that the upstream refused shows that it is there."""
        self.state = str(why.code)
        if why.code not in (UNREACHABLE, TIMED_OUT):
            return
        self._failures += 1
        if self._failures == _FAILURES:
            log.warning("the language model is away", extra={"data": _told(why)})
            self._on_change(False)

    async def _answers(self, upstream: Upstream) -> bool:
        """Whether the upstream lists its models now."""
        before = self.state
        try:
            with upstream_errors():
                async with asyncio.timeout(_TIMEOUT_S), upstream.ask("GET", "/models") as reply:
                    require_ok(reply)
                    models = json.loads(await reply.read(_MAX_LIST_BYTES))["data"]
                listed = [model["id"] for model in models]
        except UpstreamFailed as exc:
            if before != exc.code:
                log.warning("the language model does not answer", extra={"data": _told(exc)})
            self.failed(exc)
            return False
        self.state = "answering"
        if self.model_listed != (self._model in listed):
            self.model_listed = self._model in listed
            if not self.model_listed:
                data = {"model": self._model}
                log.warning("the upstream does not list the model", extra={"data": data})
        return True


def _told(exc: UpstreamFailed) -> dict[str, object]:
    return {"why": exc.message, "code": exc.code}
