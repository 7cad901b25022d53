"""Any server with OpenAI's API as the engine: bytes go to it and come from it."""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from parley_kit.errors import SettingsError, UpstreamFailed
from parley_kit.upstream import Headers, Reply, Timeouts, Upstream
from parley_llm.settings import LlmSettings

log = logging.getLogger("parley.upstream")

MAX_REPLY_BYTES = 16 << 20
"""Bytes of a reply that is not streamed."""
_PROBE_TIMEOUT_S = 5.0
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.1, 5.0


class Proxy:
    """The server behind this one; it has started when it has listed its models."""

    def __init__(self, settings: LlmSettings) -> None:
        timeouts = Timeouts(
            settings.connect_timeout_s, settings.first_byte_timeout_s, settings.stall_timeout_s
        )
        key = settings.upstream_api_key.get_secret_value()
        self._upstream = Upstream(
            settings.upstream_url, key, timeouts, settings.max_concurrency + 2
        )
        self._state = "starting"

    async def start(self) -> None:
        """Connect, and try until the upstream answers: it may be starting at the same time.

        Raises:
            SettingsError: it refuses our key.
        """
        await self._upstream.open()
        pause_s = _FIRST_PAUSE_S
        while not await self._answers():
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)
        self._state = "ready"

    async def close(self) -> None:
        await self._upstream.close()

    def status(self) -> Mapping[str, object]:
        return {
            "engine": "proxy",
            "upstream": self._upstream.address,
            "upstream_state": self._state,
        }

    def ask(
        self, method: str, path: str, headers: Headers = (), body: bytes = b""
    ) -> AbstractAsyncContextManager[Reply]:
        """See `Upstream.ask`."""
        return self._upstream.ask(method, path, headers, body)

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

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_S), self.ask("GET", "/models") as reply:
                status = reply.status
        except (UpstreamFailed, TimeoutError):
            self._note("unreachable")
            return False
        if status in (401, 403):
            raise SettingsError("The upstream refuses the key in LLM_UPSTREAM_API_KEY.")
        if status >= 500:
            self._note(f"answers {status}")
        return status < 500

    def _note(self, state: str) -> None:
        if state != self._state:
            log.warning("the upstream is not ready: %s", state)
            self._state = state
