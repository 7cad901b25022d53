"""Any server with OpenAI's API as the engine: bytes go to it and come from it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from parley_kit.errors import SettingsError, UpstreamFailed
from parley_kit.health import Health
from parley_kit.upstream import Headers, Reply, Timeouts, Upstream
from parley_kit.upstream_probe import Probe, model_list
from parley_llm.settings import LlmSettings

MAX_REPLY_BYTES = 16 << 20
"""Bytes of a reply that is not streamed."""


class Proxy:
    """The server behind this one; it has started when it has listed its models."""

    def __init__(self, settings: LlmSettings, health: Health) -> None:
        """
        Args:
            health: told when the upstream is away and when it is back.
        """
        timeouts = Timeouts(
            settings.connect_timeout_s, settings.first_byte_timeout_s, settings.stall_timeout_s
        )
        key = settings.upstream_api_key.get_secret_value()
        self._upstream = Upstream(
            settings.upstream_url, lambda: key, timeouts, settings.max_concurrency + 2
        )
        self._probe = Probe(health, self._upstream.address, settings.probe_interval_s)
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, wait until the upstream answers, and watch it from then on.

        Raises:
            SettingsError: it refuses our key.
        """
        await self._upstream.open()
        await self._probe.wait(self._first_look)
        self._watch = asyncio.create_task(self._probe.watch(self._look), name="watch upstream")

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        await self._upstream.close()

    def status(self) -> Mapping[str, object]:
        return {
            "engine": "proxy",
            "upstream": self._upstream.address,
            "upstream_state": self._probe.state,
        }

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, headers: Headers = (), body: bytes = b""
    ) -> AsyncIterator[Reply]:
        """See `Upstream.ask`."""
        try:
            async with self._upstream.ask(method, path, headers, body) as reply:
                if reply.status < 500:
                    self._probe.worked()
                yield reply
        except UpstreamFailed as exc:
            self._probe.failed(exc)
            raise

    async def models(self) -> list[dict[str, Any]]:
        """What the upstream serves, as it describes it.

        Raises:
            UpstreamFailed: it does not say.
        """
        async with self.ask("GET", "/models") as reply:
            body = await reply.read(MAX_REPLY_BYTES)
        try:
            models = json.loads(body)["data"]
        except (ValueError, KeyError, TypeError) as exc:
            raise UpstreamFailed("The model's server does not list its models.") from exc
        return [model for model in models if isinstance(model, dict)]

    async def _first_look(self) -> None:
        status, _ = await model_list(self._upstream)
        if status in (401, 403):
            raise SettingsError("The upstream refuses the key in LLM_UPSTREAM_API_KEY.")

    async def _look(self) -> None:
        await model_list(self._upstream)
