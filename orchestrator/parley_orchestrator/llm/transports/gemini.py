"""`gemini`: Google's Gemini through its own SDK, with deadlines of ours."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager

import httpx2
from google.genai import Client, types
from google.genai.errors import APIError

from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chat import ChatRequest, Item
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.settling import until_settled
from parley_orchestrator.llm.tls import tls_context
from parley_orchestrator.llm.transports.gemini_failures import gemini_failure
from parley_orchestrator.llm.transports.gemini_http import gemini_client, responses
from parley_orchestrator.llm.transports.gemini_wire import GeminiAnswer, contents, generation
from parley_orchestrator.llm.transports.timed_transport import TimedTransport


class Gemini(TimedTransport):
    """
    Args:
        config: an empty `base_url` is `GOOGLE_GEMINI_BASE_URL` or else Google's own. Gemini knows
            no organisation.

    Raises:
        ValueError: there is no key, in `GOOGLE_API_KEY` neither.
    """

    def __init__(self, config: LlmConfig) -> None:
        super().__init__("gemini", config)
        # The SDK puts off building its types; the first question would wait for that.
        for built_late in (types.GenerateContentConfig, types.GenerateContentResponse):
            built_late.model_rebuild()
        self._http = gemini_client(config.connect_timeout_s)
        self._client = Client(
            # Not Vertex, whatever the environment says.
            vertexai=False,
            api_key=config.api_key,
            http_options=types.HttpOptions(
                base_url=config.base_url or None,
                httpx_async_client=self._http,
                # For clients that the SDK makes whether or not they are used.
                client_args={"verify": tls_context()},
                async_client_args={"verify": tls_context(), "ssl": tls_context()},
            ),
        )

    async def _items(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        answer = GeminiAnswer()
        async with (
            aclosing(self._chunks(request)) as chunks,
            aclosing(until_settled(chunks, lambda: answer.finished)) as settled,
        ):
            async for chunk in settled:
                for item in answer.push(chunk):
                    yield item
        for item in answer.end():
            yield item

    async def _chunks(
        self, request: ChatRequest
    ) -> AsyncGenerator[types.GenerateContentResponse, None]:
        ask = self._streamed if self._config.stream else self._whole
        opened: list[httpx2.Response] = []
        responses.set(opened)
        try:
            with _mapped(opened):
                async with aclosing(ask(request)) as chunks:
                    async for chunk in chunks:
                        yield chunk
        finally:
            for response in opened:
                await response.aclose()

    async def _streamed(
        self, request: ChatRequest
    ) -> AsyncGenerator[types.GenerateContentResponse, None]:
        chunks = await self._client.aio.models.generate_content_stream(
            model=self._config.model,
            contents=contents(request.entries),
            config=generation(request, self._config),
        )
        async for chunk in chunks:
            yield chunk

    async def _whole(
        self, request: ChatRequest
    ) -> AsyncGenerator[types.GenerateContentResponse, None]:
        yield await self._client.aio.models.generate_content(
            model=self._config.model,
            contents=contents(request.entries),
            config=generation(request, self._config),
        )

    async def warm(self) -> None:
        try:
            with _mapped([]):
                async with asyncio.timeout(self._config.first_token_timeout_s):
                    await self._client.aio.models.get(model=self._config.model)
        except LlmFailed as failed:
            # Whoever refuses is there, and so is the connection.
            if failed.kind not in ("refused", "malformed"):
                raise

    async def close(self) -> None:
        await self._http.aclose()
        self._client.close()


@contextmanager
def _mapped(opened: list[httpx2.Response]) -> Iterator[None]:
    """The SDK's errors as ours; those that quote a body are not chained.

    Args:
        opened: the responses that have begun.
    """
    try:
        yield
    except TimeoutError as error:
        raise LlmFailed("gemini did not answer in time", "timeout") from error
    except httpx2.TimeoutException as error:
        raise LlmFailed("gemini did not take a connection in time", "connect") from error
    except httpx2.TransportError as error:
        kind: FailureKind = "cut" if opened else "connect"
        raise LlmFailed("gemini cannot be reached, or hung up", kind) from error
    except APIError as error:
        raise gemini_failure(error) from None
    except (httpx2.RequestError, ValueError, TypeError, AttributeError, LookupError):
        # The SDK walks through JSON that it has not looked at.
        raise LlmFailed("gemini sent something that cannot be read", "malformed") from None
