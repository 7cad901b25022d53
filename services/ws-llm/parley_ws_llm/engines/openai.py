"""The language model behind any OpenAI-compatible chat API."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from typing import Any

from parley_kit.auth import split_keys
from parley_kit.errors import UpstreamFailed
from parley_kit.health import Health
from parley_kit.logging import request_id
from parley_kit.stack_key import StackKey, stack_key
from parley_kit.upstream import Reply, Timeouts, Upstream
from parley_kit.upstream_probe import Probe, model_list
from parley_kit.ws_chat import ChatMessage
from parley_ws_llm.engine import Item, Tools
from parley_ws_llm.engines.faults import require_ok, upstream_errors
from parley_ws_llm.engines.reading import read
from parley_ws_llm.settings import WsLlmSettings

log = logging.getLogger("parley.upstream")


class OpenAiEngine:
    """Streams chats from the upstream; ready once the upstream has listed its models."""

    def __init__(self, settings: WsLlmSettings, health: Health) -> None:
        """
        Args:
            health: told when the upstream is away and when it is back.
        """
        self._settings = settings
        self._upstream = _upstream(settings)
        self._probe = Probe(health, self._upstream.address, settings.probe_interval_s)
        self._model_listed: bool | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, wait until the upstream answers, and watch it from then on."""
        await self._upstream.open()
        await self._probe.wait(self._look)
        self._watch = asyncio.create_task(self._probe.watch(self._look), name="watch upstream")

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        await self._upstream.close()

    def status(self) -> Mapping[str, object]:
        return {
            "engine": "openai",
            "model": self._settings.model,
            "model_listed": self._model_listed,
            "upstream": self._upstream.address,
            "upstream_state": self._probe.state,
        }

    async def _look(self) -> None:
        status, body = await model_list(self._upstream)
        if status in (401, 403):
            raise UpstreamFailed("it refuses this service's key", code="upstream_refused")
        if status != 200:
            # It is there; not every server lists models.
            return
        with upstream_errors():
            listed = self._settings.model in [model["id"] for model in json.loads(body)["data"]]
        if not listed and self._model_listed is not False:
            data = {"model": self._settings.model}
            log.warning("the upstream does not list the model", extra={"data": data})
        self._model_listed = listed

    async def chat(
        self, instructions: str, messages: Sequence[ChatMessage], tools: Tools
    ) -> AsyncGenerator[Item, None]:
        """See `ChatEngine.chat`."""
        try:
            with upstream_errors():
                async with aclosing(self._items(instructions, messages, tools)) as items:
                    async for item in items:
                        yield item
        except UpstreamFailed as exc:
            self._probe.failed(exc)
            raise
        self._probe.worked()

    async def _items(
        self, instructions: str, messages: Sequence[ChatMessage], tools: Tools
    ) -> AsyncGenerator[Item, None]:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self._settings.first_token_timeout_s):
                reply = await stack.enter_async_context(self._asked(instructions, messages, tools))
                require_ok(reply)
                items = await stack.enter_async_context(aclosing(read(reply.chunks)))
                first = await anext(items)
            yield first
            async for item in items:
                yield item

    def _asked(
        self, instructions: str, messages: Sequence[ChatMessage], tools: Tools
    ) -> AbstractAsyncContextManager[Reply]:
        told = (message.model_dump(exclude_none=True) for message in messages)
        body = {
            "model": self._settings.model,
            "messages": [{"role": "system", "content": instructions}, *told],
            "max_tokens": self._settings.max_tokens,
            "temperature": self._settings.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
            **_tool_params(tools),
        }
        headers = [
            (b"content-type", b"application/json"),
            (b"x-request-id", request_id.get().encode("latin-1")),
        ]
        return self._upstream.ask("POST", "/chat/completions", headers, json.dumps(body).encode())


def _upstream(settings: WsLlmSettings) -> Upstream:
    timeouts = Timeouts(
        settings.connect_timeout_s, settings.first_token_timeout_s, settings.stall_timeout_s
    )
    return Upstream(settings.upstream_url, _key(settings), timeouts, settings.max_concurrency + 1)


def _key(settings: WsLlmSettings) -> StackKey:
    """The stack's own keys are for the stack, not for whoever is at `LLM_BASE_URL`."""
    if not settings.llm_base_url:
        return stack_key(settings)
    key = next(iter(split_keys(settings.openai_api_key.get_secret_value())), "")
    return lambda: key


def _tool_params(tools: Tools) -> dict[str, Any]:
    if not tools.tools:
        return {}
    params: dict[str, Any] = {"tools": [tool.model_dump(exclude_none=True) for tool in tools.tools]}
    if tools.choice is not None:
        choice = tools.choice
        params["tool_choice"] = choice if isinstance(choice, str) else choice.model_dump()
    return params
