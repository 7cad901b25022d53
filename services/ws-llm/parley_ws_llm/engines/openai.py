"""The language model behind any OpenAI-compatible chat API."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Any
from urllib.parse import urlsplit

import httpx2

from parley_kit.errors import UpstreamFailed
from parley_kit.logging import request_id
from parley_kit.ws_protocol import ChatMessage
from parley_ws_llm.engine import Item, Tools
from parley_ws_llm.engines.faults import require_ok, upstream_errors
from parley_ws_llm.engines.probing import Probe
from parley_ws_llm.engines.reading import read
from parley_ws_llm.settings import WsLlmSettings


class OpenAiEngine:
    """Streams chats from the upstream; ready once the upstream has listed its models."""

    def __init__(
        self, settings: WsLlmSettings, on_change: Callable[[bool], None] = lambda there: None
    ) -> None:
        """
        Args:
            on_change: told when the upstream is away (False) and when it is back (True).
        """
        self._settings = settings
        self._client: httpx2.AsyncClient | None = None
        self._probe = Probe(settings.model, settings.probe_interval_s, on_change)
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, wait until the upstream answers, and watch it from then on."""
        self._client = _client(self._settings)
        await self._probe.wait(self._client)
        self._watch = asyncio.create_task(self._probe.watch(self._client), name="watch upstream")

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        if self._client is not None:
            await self._client.aclose()

    def status(self) -> Mapping[str, object]:
        url = urlsplit(self._settings.upstream_url)
        return {
            "engine": "openai",
            "model": self._settings.model,
            "model_listed": self._probe.model_listed,
            "upstream": f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}",
            "upstream_state": self._probe.state,
        }

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
                request = self._request(instructions, messages, tools)
                response = await self._send(request, stack)
                items = await stack.enter_async_context(aclosing(read(response.aiter_raw())))
                first = await anext(items)
            yield first
            async for item in items:
                yield item

    async def _send(self, request: httpx2.Request, stack: AsyncExitStack) -> httpx2.Response:
        assert self._client is not None, "the engine has been started"
        response = await self._client.send(request, stream=True)
        stack.push_async_callback(response.aclose)
        require_ok(response)
        return response

    def _request(
        self, instructions: str, messages: Sequence[ChatMessage], tools: Tools
    ) -> httpx2.Request:
        assert self._client is not None, "the engine has been started"
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
        return self._client.build_request(
            "POST", "chat/completions", json=body, headers={"x-request-id": request_id.get()}
        )


def _client(settings: WsLlmSettings) -> httpx2.AsyncClient:
    key = settings.openai_api_key.get_secret_value()
    authorization = {"authorization": f"Bearer {key}"} if key else {}
    return httpx2.AsyncClient(
        base_url=f"{settings.upstream_url}/",
        # A compressed stream would arrive in lumps.
        headers={"accept-encoding": "identity", **authorization},
        timeout=httpx2.Timeout(settings.stall_timeout_s, connect=settings.connect_timeout_s),
        limits=httpx2.Limits(max_connections=settings.max_concurrency + 1),
        follow_redirects=False,
    )


def _tool_params(tools: Tools) -> dict[str, Any]:
    if not tools.tools:
        return {}
    params: dict[str, Any] = {"tools": [tool.model_dump(exclude_none=True) for tool in tools.tools]}
    if tools.choice is not None:
        choice = tools.choice
        params["tool_choice"] = choice if isinstance(choice, str) else choice.model_dump()
    return params
