"""The language model behind any OpenAI-compatible chat API, through OpenAI's own client."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
from openai import AsyncOpenAI, AsyncStream, DefaultAsyncHttpxClient
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from parley_kit.errors import UpstreamFailed
from parley_kit.logging import request_id
from parley_kit.ws_protocol import ChatMessage
from parley_ws_llm.engine import Item, Tools
from parley_ws_llm.engines.faults import upstream_errors
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
        self._client: AsyncOpenAI | None = None
        self._probe = Probe(settings.model, settings.probe_interval_s, on_change)
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, wait until the upstream answers, and watch it from then on."""
        settings = self._settings
        timeout = httpx2.Timeout(settings.stall_timeout_s, connect=settings.connect_timeout_s)
        self._client = AsyncOpenAI(
            base_url=settings.upstream_url,
            # The client insists on a key, also where the upstream needs none.
            api_key=settings.openai_api_key.get_secret_value() or "none",
            max_retries=0,
            timeout=timeout,
            http_client=DefaultAsyncHttpxClient(
                follow_redirects=False,
                timeout=timeout,
                limits=httpx2.Limits(max_connections=settings.max_concurrency + 1),
            ),
        )
        await self._probe.wait(self._client)
        self._watch = asyncio.create_task(self._probe.watch(self._client), name="watch upstream")

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        if self._client is not None:
            await self._client.close()

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
        with upstream_errors():
            stream = pieces = None
            try:
                async with asyncio.timeout(self._settings.first_token_timeout_s):
                    stream = await self._open(instructions, messages, tools)
                    pieces = read(stream)
                    first = await anext(pieces)
                yield first
                async for piece in pieces:
                    yield piece
            finally:
                if pieces is not None:
                    await pieces.aclose()
                if stream is not None:
                    await stream.close()

    async def _open(
        self, instructions: str, messages: Sequence[ChatMessage], tools: Tools
    ) -> AsyncStream[ChatCompletionChunk]:
        assert self._client is not None, "the engine has been started"
        stream = await self._client.chat.completions.create(
            model=self._settings.model,
            messages=[{"role": "system", "content": instructions}, *map(_param, messages)],
            max_tokens=self._settings.max_tokens,
            temperature=self._settings.temperature,
            stream=True,
            stream_options={"include_usage": True},
            extra_headers={"x-request-id": request_id.get()},
            **_tool_params(tools),
        )
        return cast(AsyncStream[ChatCompletionChunk], stream)


def _param(message: ChatMessage) -> ChatCompletionMessageParam:
    """The message as it came: its shape is OpenAI's."""
    return cast(ChatCompletionMessageParam, message.model_dump(exclude_none=True))


def _tool_params(tools: Tools) -> dict[str, Any]:
    if not tools.tools:
        return {}
    params: dict[str, Any] = {"tools": [tool.model_dump(exclude_none=True) for tool in tools.tools]}
    if tools.choice is not None:
        choice = tools.choice
        params["tool_choice"] = choice if isinstance(choice, str) else choice.model_dump()
    return params
