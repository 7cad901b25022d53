"""`rest` and `qwen`: any server with OpenAI's chat completions, over HTTP with server-sent events.

The official SDK makes the requests. What it would read from the environment is said explicitly,
because there `OPENAI_BASE_URL` is the address of this stack; and it retries nothing, because the
chain does.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Literal

import httpx2
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    AsyncStream,
    Omit,
    OpenAIError,
)
from openai import RequestOptions as Options
from pydantic import BaseModel, ValidationError

from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chat import ChatRequest, Item
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.settling import until_settled
from parley_orchestrator.llm.tls import tls_context
from parley_orchestrator.llm.transports.chat_wire import ChatAnswer, chat_body
from parley_orchestrator.llm.transports.http_failures import status_failure
from parley_orchestrator.llm.transports.timed_transport import TimedTransport

_log = logging.getLogger("parley.orchestrator")

_OPENAI = "https://api.openai.com/v1"
_KEEP_ALIVE_S = 110.0


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


class ChatCompletions(TimedTransport):
    """
    Args:
        name: as in `LLM_CHAIN`.
        config: an empty `base_url` is OpenAI's own; an empty `api_key` sends none.
    """

    def __init__(self, name: Literal["rest", "qwen"], config: LlmConfig) -> None:
        super().__init__(name, config)
        self._client = AsyncOpenAI(
            api_key=config.api_key or "none",
            base_url=config.base_url or _OPENAI,
            max_retries=0,
            http_client=httpx2.AsyncClient(
                verify=tls_context(),
                # Of the rest our own deadlines take care; the SDK's are between two bytes.
                timeout=httpx2.Timeout(None, connect=config.connect_timeout_s),
                limits=httpx2.Limits(max_connections=None, keepalive_expiry=_KEEP_ALIVE_S),
            ),
        )
        self._options = _options(config)

    async def _items(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        answer = ChatAnswer(self._name)
        async with (
            aclosing(self._events(request)) as events,
            aclosing(until_settled(events, lambda: answer.finished)) as settled,
        ):
            async for event in settled:
                for text in answer.push(event):
                    yield text
        for item in answer.end():
            yield item

    async def _events(self, request: ChatRequest) -> AsyncGenerator[object, None]:
        """The JSON of each event, or of the whole answer if that is what the server sends."""
        with _mapped(self._name, "connect"):
            reply = await self._client.post(
                "/chat/completions",
                cast_to=object,
                body=chat_body(request, self._config),
                options=self._options,
                stream=True,
                stream_cls=AsyncStream[object],
            )
        with _mapped(self._name, "cut"):
            async with reply:
                async for event in self._read(reply):
                    yield event

    async def _read(self, reply: AsyncStream[object]) -> AsyncGenerator[object, None]:
        media_type = reply.response.headers.get("content-type", "").partition(";")[0].strip()
        if media_type == "application/json":
            await reply.response.aread()
            yield reply.response.json()
        elif media_type == "text/event-stream":
            async for event in reply:
                yield event
        else:
            raise LlmFailed(f"{self._name} answered with another media type", "malformed")

    async def models(self) -> tuple[str, ...]:
        """The names of the models that the server has.

        Raises:
            LlmFailed: it does not say.
        """
        with _mapped(self._name, "connect"):
            async with asyncio.timeout(self._config.first_token_timeout_s):
                listed = await self._client.get("/models", cast_to=object, options=self._options)
            return tuple(model.id for model in _Models.model_validate(listed).data)

    async def warm(self) -> None:
        try:
            listed = await self.models()
        except LlmFailed as failed:
            # A server without a list of models is there, and so is the connection.
            if failed.kind not in ("refused", "malformed"):
                raise
            return
        if self._config.model not in listed:
            data = {"member": self._name, "model": self._config.model}
            _log.warning("the server does not list the model", extra={"data": data})

    async def close(self) -> None:
        await self._client.close()


def _options(config: LlmConfig) -> Options:
    headers: dict[str, str | Omit] = {
        "OpenAI-Organization": config.organization or Omit(),
        "OpenAI-Project": Omit(),
    }
    if not config.api_key:
        headers["Authorization"] = Omit()
    # `events`: an error event comes to us as it is.
    return {"headers": headers, "stream_mode": "events"}


@contextmanager
def _mapped(name: str, broken: FailureKind) -> Iterator[None]:
    """The SDK's errors as ours; those that quote a body are not chained.

    Args:
        broken: what a lost connection means at this point.
    """
    try:
        yield
    except (APITimeoutError, httpx2.TimeoutException) as error:
        raise LlmFailed(f"{name} did not take a connection in time", "connect") from error
    except TimeoutError as error:
        raise LlmFailed(f"{name} did not answer in time", "timeout") from error
    except (APIConnectionError, httpx2.TransportError) as error:
        raise LlmFailed(f"{name} cannot be reached, or hung up", broken) from error
    except APIStatusError as error:
        raise status_failure(name, error.status_code, error.response.headers) from None
    except (OpenAIError, httpx2.RequestError, ValidationError, ValueError):
        raise LlmFailed(f"{name} sent something that cannot be read", "malformed") from None
