"""`POST /v1/completions` of an engine in this process: each prompt is a chat of one message."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, Field, model_validator
from starlette.responses import JSONResponse, Response

from parley_kit import sse
from parley_kit.app import Service
from parley_kit.context import RequestContext, context_of
from parley_kit.errors import InvalidRequest
from parley_llm.engine import Finish, LlmEngine, Text, whole
from parley_llm.routes import check
from parley_llm.settings import LlmSettings
from parley_llm.wire import ChatRequest, StreamOptions, Wire, as_list

# OpenAI's.
_DEFAULT_TOKENS = 16


class CompletionRequest(Wire):
    """The body of `POST /v1/completions`; of what is not named here, see `wire.HARMLESS`."""

    model: str
    prompt: Annotated[tuple[str, ...], BeforeValidator(as_list), Field(min_length=1)]
    max_tokens: int | None = Field(_DEFAULT_TOKENS, ge=1)
    n: int | None = Field(1, ge=1)
    best_of: int | None = Field(None, ge=1)
    echo: bool | None = False
    stop: Annotated[tuple[str, ...], BeforeValidator(as_list), Field(max_length=4)] = ()
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    suffix: None = None

    @model_validator(mode="after")
    def _parts_go_together(self) -> "CompletionRequest":
        if (self.best_of or self.count) < self.count:
            raise ValueError("best_of must not be less than n")
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options is only allowed when stream is true")
        return self

    @property
    def count(self) -> int:
        return self.n or 1

    @property
    def includes_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    def chats(self) -> list[ChatRequest]:
        """One for each prompt."""
        return [
            ChatRequest.model_validate(
                {
                    "model": self.model,
                    "messages": [{"role": "user", "content": prompt}],
                    "max_tokens": self.max_tokens or _DEFAULT_TOKENS,
                    "stop": self.stop,
                }
            )
            for prompt in self.prompt
        ]


def completion_routes(service: Service, settings: LlmSettings, engine: LlmEngine) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/completions", response_model=None)
    async def create_completion(asked: CompletionRequest, request: Request) -> Response:
        if len(asked.prompt) * max(asked.count, asked.best_of or 1) > settings.max_n:
            raise InvalidRequest(
                f"Too many answers: at most {settings.max_n} are given to a request.", param="n"
            )
        chats = asked.chats()
        check(chats[0], settings, engine)
        service.health.require_open()
        completion = _Completion(service, engine, asked, context_of(request.scope))
        if asked.stream:
            return await sse.respond(completion.events(chats), completion.context)
        return JSONResponse(await completion.whole(chats))

    return router


class _Completion:
    """The reply to one request."""

    def __init__(
        self,
        service: Service,
        engine: LlmEngine,
        asked: CompletionRequest,
        context: RequestContext,
    ) -> None:
        self.context = context
        self._service = service
        self._engine = engine
        self._asked = asked
        self._prompt_tokens = self._completion_tokens = 0
        self._head = {
            "id": f"cmpl-{uuid4().hex}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": engine.models[0],
        }

    async def whole(self, chats: list[ChatRequest]) -> dict[str, object]:
        choices: list[object] = []
        for index, chat in enumerate(chats):
            items = self._engine.chat(chat)
            reply = await whole(self._service.admission.holding(self.context.key_id, items))
            self._count(reply.finish)
            text = self._echo(index) + reply.text
            choices += [self._choice(i, text, reply.finish.reason) for i in self._places(index)]
        return {**self._head, "choices": choices, "usage": self._usage()}

    async def events(self, chats: list[ChatRequest]) -> AsyncGenerator[bytes, None]:
        for index, chat in enumerate(chats):
            answer = self._service.admission.holding(self.context.key_id, self._engine.chat(chat))
            echo = self._echo(index)
            async with aclosing(answer):
                async for item in answer:
                    if echo:
                        yield self._chunks(index, echo, None)
                        echo = ""
                    match item:
                        case Text():
                            yield self._chunks(index, item.text, None)
                        case Finish():
                            self._count(item)
                            yield self._chunks(index, "", item.reason)
        if self._asked.includes_usage:
            yield sse.event({**self._head, "choices": [], "usage": self._usage()})
        yield sse.DONE

    def _chunks(self, index: int, text: str, reason: str | None) -> bytes:
        """The same piece of each answer to one prompt."""
        usage = {"usage": None} if self._asked.includes_usage else {}
        return b"".join(
            sse.event({**self._head, "choices": [self._choice(place, text, reason)], **usage})
            for place in self._places(index)
        )

    def _places(self, index: int) -> range:
        return range(index * self._asked.count, (index + 1) * self._asked.count)

    def _echo(self, index: int) -> str:
        return self._asked.prompt[index] if self._asked.echo else ""

    def _choice(self, place: int, text: str, reason: str | None) -> dict[str, Any]:
        return {"index": place, "text": text, "logprobs": None, "finish_reason": reason}

    def _count(self, finish: Finish) -> None:
        self._prompt_tokens += finish.prompt_tokens
        self._completion_tokens += finish.completion_tokens * self._asked.count

    def _usage(self) -> dict[str, int]:
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": self._completion_tokens,
            "total_tokens": self._prompt_tokens + self._completion_tokens,
        }
