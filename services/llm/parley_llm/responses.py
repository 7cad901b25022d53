"""`POST /v1/responses` of an engine in this process: a chat, told in the events of a response."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from parley_kit import sse
from parley_kit.app import Service
from parley_kit.context import context_of
from parley_kit.errors import NotFound, from_validation
from parley_llm.engine import Finish, Item, LlmEngine, Text, ToolCall
from parley_llm.response_writer import ResponseWriter
from parley_llm.responses_wire import ResponseRequest
from parley_llm.routes import check
from parley_llm.settings import LlmSettings
from parley_llm.wire import ChatRequest


def response_routes(service: Service, settings: LlmSettings, engine: LlmEngine) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/responses", response_model=None)
    async def create_response(asked: ResponseRequest, request: Request) -> Response:
        chat = _as_chat(asked)
        check(chat, settings, engine)
        service.health.require_open()
        context = context_of(request.scope)
        writer = ResponseWriter(asked, engine.models[0])
        items = service.admission.holding(context.key_id, engine.chat(chat))
        if asked.stream:
            return await sse.respond(_events(items, writer), context)
        async with aclosing(_events(items, writer)) as events:
            async for _ in events:
                pass
        return JSONResponse(writer.response())

    @router.api_route("/responses/{response_id:path}", methods=["GET", "DELETE", "POST"])
    async def no_stored_response(response_id: str) -> None:
        raise NotFound(
            "Responses are not stored here: send the whole conversation as input.",
            param="response_id",
            code="response_not_found",
        )

    return router


def _as_chat(asked: ResponseRequest) -> ChatRequest:
    try:
        return asked.as_chat()
    except ValidationError as exc:
        raise from_validation(exc.errors()) from exc


async def _events(
    items: AsyncGenerator[Item, None], writer: ResponseWriter
) -> AsyncGenerator[bytes, None]:
    async with aclosing(items):
        item = await anext(items)
        yield writer.begin()
        while not isinstance(item, Finish):
            match item:
                case Text():
                    yield writer.text(item.text)
                case ToolCall():
                    yield writer.call(item)
            item = await anext(items)
        yield writer.end(item)
