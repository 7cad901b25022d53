"""Whether an upstream is there: asked at the start until it is, and now and then afterwards."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from parley_kit.errors import UpstreamFailed
from parley_kit.health import Health
from parley_kit.upstream import TIMED_OUT, UNREACHABLE, Upstream

log = logging.getLogger("parley.upstream")

_TIMEOUT_S = 5.0
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.1, 5.0
_MAX_LIST_BYTES = 16 << 20
_FAILURES = 2
"""In a row until the upstream counts as away: one may be an accident."""

Look = Callable[[], Awaitable[None]]
"""Asks the upstream for something that costs it nothing; raises `UpstreamFailed`."""


class Probe:
    """Keeps a service unready while its upstream is away; an answer that succeeds spares a look."""

    def __init__(self, health: Health, address: str, every_s: float) -> None:
        """
        Args:
            health: told when the upstream goes and when it is back.
            address: of the upstream, for the log.
            every_s: seconds between two looks.
        """
        self.state = "starting"
        self._health = health
        self._address = address
        self._every_s = every_s
        self._failures = 0
        self._worked_since_look = False

    async def wait(self, look: Look) -> None:
        """Return when the upstream answers: it may be starting at the same time."""
        pause_s = _FIRST_PAUSE_S
        while not await self._answers(look):
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)
        self._failures = 0

    async def watch(self, look: Look) -> None:
        """Look for ever; more often while the upstream seems away."""
        while True:
            away = self._failures > 0
            await asyncio.sleep(min(self._every_s, 1.0) if away else self._every_s)
            if self._worked_since_look:
                self._worked_since_look = False
            elif await self._answers(look):
                self.worked()
                self._worked_since_look = False

    def worked(self) -> None:
        """The upstream answered."""
        self.state = "answering"
        self._worked_since_look = True
        if self._failures >= _FAILURES:
            log.info("the upstream is back", extra={"data": {"upstream": self._address}})
            self._health.mark_ready()
        self._failures = 0

    def failed(self, why: UpstreamFailed) -> None:
        """An answer or a look failed; one that the upstream refused shows that it is there."""
        if self.state != why.code:
            log.warning("the upstream failed", extra={"data": self._told(why)})
        self.state = str(why.code)
        if why.code not in (UNREACHABLE, TIMED_OUT):
            return
        self._failures += 1
        if self._failures == _FAILURES:
            log.warning("the upstream is away", extra={"data": self._told(why)})
            self._health.mark_unavailable()

    async def _answers(self, look: Look) -> bool:
        try:
            await look()
        except UpstreamFailed as exc:
            self.failed(exc)
            return False
        self.state = "answering"
        return True

    def _told(self, exc: UpstreamFailed) -> dict[str, object]:
        return {"upstream": self._address, "why": exc.message, "code": exc.code}


async def model_list(upstream: Upstream) -> tuple[int, bytes]:
    """The status and body with which an OpenAI-compatible server lists its models.

    Raises:
        UpstreamFailed: it does not answer, or a gateway does in its place.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S), upstream.ask("GET", "/models") as reply:
            status, body = reply.status, await reply.read(_MAX_LIST_BYTES)
    except TimeoutError as exc:
        raise UpstreamFailed("no answer in time", code=TIMED_OUT) from exc
    if status >= 500:
        raise UpstreamFailed(f"it answers {status}", code=UNREACHABLE)
    return status, body
