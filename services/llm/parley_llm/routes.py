"""`POST /v1/chat/completions`."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from parley_kit import sse
from parley_kit.app import Service
from parley_kit.edge import context_of
from parley_kit.errors import InvalidRequest, ModelNotFound
from parley_llm.engine import Finish, Item, LlmEngine, Text, ToolCall
from parley_llm.settings import LlmSettings
from parley_llm.wire import ChatRequest, Writer, tool_call, usage


def chat_routes(service: Service, settings: LlmSettings, engine: LlmEngine) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/chat/completions", response_model=None)
    async def create_chat_completion(chat: ChatRequest, request: Request) -> Response:
        _check(chat, settings, engine)
        service.health.require_ready()
        context = context_of(request.scope)
        writer = Writer(f"chatcmpl-{uuid4().hex}", int(time.time()), engine.models[0])
        items = service.admission.holding(context.key_id, engine.chat(chat))
        if chat.stream:
            return await sse.respond(_events(items, writer, chat.includes_usage), context)
        return JSONResponse(await _whole(items, writer))

    return router


def _check(chat: ChatRequest, settings: LlmSettings, engine: LlmEngine) -> None:
    if chat.model not in engine.models:
        raise ModelNotFound(chat.model)
    if len(chat.messages) > settings.max_messages:
        raise InvalidRequest(
            f"Too many messages: at most {settings.max_messages} are allowed.", param="messages"
        )


async def _whole(items: AsyncGenerator[Item, None], writer: Writer) -> dict[str, object]:
    text, calls = "", []
    async with aclosing(items):
        async for item in items:
            match item:
                case Text():
                    text += item.text
                case ToolCall():
                    calls.append(tool_call(item.id, item.name, item.arguments))
                case Finish():
                    counts = usage(item.prompt_tokens, item.completion_tokens)
                    return writer.completion(text, calls, item.reason, counts)
    raise AssertionError("an engine's stream ends with Finish")


async def _events(
    items: AsyncGenerator[Item, None], writer: Writer, include_usage: bool
) -> AsyncGenerator[bytes, None]:
    calls = 0
    async with aclosing(items):
        first = True
        async for item in items:
            if first:
                yield sse.event(writer.chunk({"role": "assistant", "content": ""}))
                first = False
            match item:
                case Text():
                    yield sse.event(writer.chunk({"content": item.text}))
                case ToolCall():
                    call = {"index": calls, **tool_call(item.id, item.name, item.arguments)}
                    calls += 1
                    yield sse.event(writer.chunk({"tool_calls": [call]}))
                case Finish():
                    yield sse.event(writer.chunk({}, item.reason))
                    if include_usage:
                        counts = usage(item.prompt_tokens, item.completion_tokens)
                        yield sse.event(writer.usage_chunk(counts))
    yield sse.DONE
