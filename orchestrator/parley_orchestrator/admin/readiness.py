"""Whether the services that a call needs are ready: asked again and again, each with a deadline."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

import httpx2

from parley_orchestrator.settings import OrchestratorSettings

Readiness: TypeAlias = Literal["unknown", "ready", "not_ready", "away"]


@dataclass(frozen=True, slots=True)
class Target:
    """A service, its `/readyz`, and whether calls go there as things are configured."""

    name: str
    url: str
    used: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a service told.

    Args:
        why: a sentence where it is not ready.
        seconds: that the answer took; None without one.
    """

    readiness: Readiness
    why: str = ""
    seconds: float | None = None


def targets(settings: OrchestratorSettings) -> tuple[Target, ...]:
    """The four services; ws-llm only where its address is known."""
    ours = "qwen" in settings.chain or ("rest" in settings.chain and not settings.rest_api_base_url)
    listed = [
        Target("STT", _readyz(settings.stt_url), used=True),
        Target("TTS", _readyz(settings.tts_url), used=True),
        Target("LLM", _readyz(settings.llm_url), used=ours),
    ]
    if settings.ws_llm_url:
        listed.append(Target("ws-llm", _readyz(settings.ws_llm_url), used="ws" in settings.chain))
    return tuple(listed)


class Lookout:
    """Looks at every target at once, again and again; the latest look of each is in `looks`."""

    def __init__(self, targets: Sequence[Target], *, every_s: float, timeout_s: float) -> None:
        self.targets = tuple(targets)
        self.looks: dict[str, Look] = {target.name: Look("unknown") for target in targets}
        self._every_s = every_s
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look for as long as the context lasts."""
        # A kept connection may be closed by the service in the moment in which it is used again.
        afresh = httpx2.Limits(max_keepalive_connections=0)
        # A proxy of the environment has no way to the services of a private network.
        async with httpx2.AsyncClient(
            timeout=self._timeout_s, limits=afresh, trust_env=False
        ) as client:
            looking = [
                asyncio.create_task(self._watch(client, target), name=f"look at {target.name}")
                for target in self.targets
            ]
            try:
                yield
            finally:
                for task in looking:
                    task.cancel()
                await asyncio.gather(*looking, return_exceptions=True)

    async def _watch(self, client: httpx2.AsyncClient, target: Target) -> None:
        while True:
            self.looks[target.name] = await self._look(client, target.url)
            await asyncio.sleep(self._every_s)

    async def _look(self, client: httpx2.AsyncClient, url: str) -> Look:
        started = time.perf_counter()
        try:
            # The client's own timeout is one for each step.
            async with asyncio.timeout(self._timeout_s):
                response = await client.get(url)
        except (TimeoutError, httpx2.TimeoutException):
            return Look("away", f"It did not answer within {self._timeout_s:g} s.")
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return Look("away", "It could not be reached.")
        return look_of(response.status_code, time.perf_counter() - started)


def look_of(status: int, seconds: float) -> Look:
    """What the status of a `/readyz` says."""
    if status == 200:
        return Look("ready", seconds=seconds)
    if status == 503:
        return Look("not_ready", "It is there, but not ready.", seconds)
    return Look("unknown", f"It answers, but not whether it is ready ({status}).", seconds)


def _readyz(url: str) -> str:
    """Beside the API, not below it."""
    root = url.removesuffix("/v1").removesuffix("/ws")
    return f"{_http(root)}/readyz"


def _http(url: str) -> str:
    return f"http{url[2:]}" if url.startswith(("ws:", "wss:")) else url
