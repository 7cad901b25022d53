"""The language model behind any OpenAI-compatible chat API, through OpenAI's own client."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from urllib.parse import urlsplit

import httpx2
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    AsyncStream,
    DefaultAsyncHttpxClient,
    OpenAIError,
)
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from parley_kit.errors import UpstreamFailed
from parley_kit.logging import request_id
from parley_kit.ws_protocol import ChatMessage, Usage
from parley_ws_llm.engine import Finish, Item, Text
from parley_ws_llm.settings import WsLlmSettings

log = logging.getLogger("parley.upstream")

_PROBE_TIMEOUT_S = 5.0
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.1, 5.0
# The client builds its objects without validating them: what is missing in an answer, or of
# another type, shows when it is read.
_FAULTY = (OpenAIError, httpx2.HTTPError, json.JSONDecodeError, AttributeError, TypeError)


class OpenAiEngine:
    """Streams chats from the upstream; ready once the upstream has listed its models."""

    def __init__(self, settings: WsLlmSettings) -> None:
        self._settings = settings
        self._client: AsyncOpenAI | None = None
        self._state = "starting"
        self._model_listed: bool | None = None

    async def start(self) -> None:
        """Connect, and try until the upstream answers: it may be starting at the same time."""
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
        pause_s = _FIRST_PAUSE_S
        while not await self._answers(self._client):
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def status(self) -> Mapping[str, object]:
        url = urlsplit(self._settings.upstream_url)
        return {
            "engine": "openai",
            "model": self._settings.model,
            "model_listed": self._model_listed,
            "upstream": f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}",
            "upstream_state": self._state,
        }

    async def chat(
        self, instructions: str, messages: Sequence[ChatMessage]
    ) -> AsyncGenerator[Item, None]:
        """See `ChatEngine.chat`."""
        try:
            async with aclosing(self._items(instructions, messages)) as items:
                async for item in items:
                    yield item
        except UpstreamFailed as exc:
            self._state = str(exc.code)
            raise
        self._state = "answering"

    async def _items(
        self, instructions: str, messages: Sequence[ChatMessage]
    ) -> AsyncGenerator[Item, None]:
        with upstream_errors():
            stream = pieces = None
            try:
                async with asyncio.timeout(self._settings.first_token_timeout_s):
                    stream = await self._open(instructions, messages)
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
        self, instructions: str, messages: Sequence[ChatMessage]
    ) -> AsyncStream[ChatCompletionChunk]:
        assert self._client is not None, "the engine has been started"
        return await self._client.chat.completions.create(
            model=self._settings.model,
            messages=[{"role": "system", "content": instructions}, *map(_param, messages)],
            max_tokens=self._settings.max_tokens,
            temperature=self._settings.temperature,
            stream=True,
            stream_options={"include_usage": True},
            extra_headers={"x-request-id": request_id.get()},
        )

    async def _answers(self, client: AsyncOpenAI) -> bool:
        """Whether the upstream lists its models now."""
        try:
            with upstream_errors():
                async with asyncio.timeout(_PROBE_TIMEOUT_S):
                    listed = [model.id async for model in client.models.list()]
        except UpstreamFailed as exc:
            if self._state != exc.code:
                log.warning("the language model is not there yet", extra={"data": _told(exc)})
            self._state = str(exc.code)
            return False
        self._state = "answering"
        self._model_listed = self._settings.model in listed
        if not self._model_listed:
            log.warning("the upstream does not list the model", extra={"data": dict(self.status())})
        return True


def _param(message: ChatMessage) -> ChatCompletionMessageParam:
    if message.role == "user":
        return {"role": "user", "content": message.content}
    return {"role": "assistant", "content": message.content}


async def read(chunks: AsyncIterator[ChatCompletionChunk]) -> AsyncGenerator[Item, None]:
    """What a stream says.

    Raises:
        UpstreamFailed: it ended before it was complete, or said nothing at all.
    """
    usage, finished, spoke = None, False, False
    async for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices or ():
            if choice.delta is not None and choice.delta.content:
                spoke = True
                yield Text(choice.delta.content)
            finished = finished or choice.finish_reason is not None
    if not finished:
        raise UpstreamFailed("the answer was cut off", code="upstream_cut")
    if not spoke:
        raise UpstreamFailed("the answer was empty", code="upstream_empty")
    yield Finish(_usage(usage))


def _usage(usage: CompletionUsage | None) -> Usage | None:
    if usage is None:
        return None
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
    )


@contextmanager
def upstream_errors() -> Iterator[None]:
    """The one border where the client's exceptions become ours.

    Raises:
        UpstreamFailed: says what happened in words of our own; what the upstream wrote may quote
            the caller or tell of the inside.
    """
    try:
        yield
    except (TimeoutError, APITimeoutError) as exc:
        raise UpstreamFailed("no answer in time", code="upstream_timeout") from exc
    except APIConnectionError as exc:
        raise UpstreamFailed("it cannot be reached", code="upstream_unreachable") from exc
    except APIStatusError as exc:
        raise _refused(exc.status_code) from exc
    except _FAULTY as exc:
        log.warning("faulty answer of the upstream", exc_info=exc)
        raise UpstreamFailed("the answer was faulty", code="upstream_faulty") from exc


def _refused(status: int) -> UpstreamFailed:
    log.warning("the upstream refused", extra={"data": {"status": status}})
    if status == 429 or status == 503:
        return UpstreamFailed("it is busy, please try again", code="upstream_busy")
    return UpstreamFailed("the request was refused", code="upstream_refused")


def _told(exc: UpstreamFailed) -> dict[str, object]:
    return {"why": exc.message, "code": exc.code}
