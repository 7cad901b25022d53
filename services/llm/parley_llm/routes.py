"""`POST /v1/chat/completions` of an engine in this process."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from parley_kit import sse
from parley_kit.app import Service
from parley_kit.context import context_of
from parley_kit.errors import InvalidRequest, ModelNotFound
from parley_llm.chat_writer import Writer, tool_call
from parley_llm.engine import Finish, Item, LlmEngine, Text, ToolCall, whole
from parley_llm.settings import LlmSettings
from parley_llm.wire import ChatRequest


def chat_routes(service: Service, settings: LlmSettings, engine: LlmEngine) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/chat/completions", response_model=None)
    async def create_chat_completion(chat: ChatRequest, request: Request) -> Response:
        check(chat, settings, engine)
        service.health.require_open()
        context = context_of(request.scope)
        count = chat.n or 1
        writer = Writer(engine.models[0], with_usage=chat.includes_usage)
        items = service.admission.holding(context.key_id, engine.chat(chat))
        if chat.stream:
            return await sse.respond(_events(items, writer, count, chat.includes_usage), context)
        return JSONResponse(writer.completion(await whole(items), count))

    return router


def check(chat: ChatRequest, settings: LlmSettings, engine: LlmEngine) -> None:
    """
    Raises:
        ApiError: the model is not served, or the request is over a limit.
    """
    if chat.model not in engine.models:
        raise ModelNotFound(chat.model)
    if len(chat.messages) > settings.max_messages:
        raise InvalidRequest(
            f"Too many messages: at most {settings.max_messages} are allowed.", param="messages"
        )
    if (chat.n or 1) > settings.max_n:
        raise InvalidRequest(
            f"Too many answers: at most {settings.max_n} are given to a request.", param="n"
        )


async def _events(
    items: AsyncGenerator[Item, None], writer: Writer, count: int, include_usage: bool
) -> AsyncGenerator[bytes, None]:
    calls = 0
    async with aclosing(items):
        item = await anext(items)
        yield _chunks(writer, count, {"role": "assistant", "content": ""})
        while not isinstance(item, Finish):
            match item:
                case Text():
                    yield _chunks(writer, count, {"content": item.text})
                case ToolCall():
                    call = {"index": calls, **tool_call(item)}
                    calls += 1
                    yield _chunks(writer, count, {"tool_calls": [call]})
            item = await anext(items)
        yield _chunks(writer, count, {}, item.reason)
        if include_usage:
            yield sse.event(writer.usage_chunk(item, count))
    yield sse.DONE


def _chunks(
    writer: Writer, count: int, delta: dict[str, object], finish_reason: str | None = None
) -> bytes:
    """The same piece of each choice."""
    return b"".join(sse.event(writer.chunk(index, delta, finish_reason)) for index in range(count))
