"""What is `rest`'s and `qwen`'s own: the odd ways in which servers speak chat completions."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley_kit.app import Service
from parley_kit.urls import service_url
from parley_llm.app import create_app
from parley_llm.settings import LlmSettings
from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chat import (
    ChatRequest,
    Said,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transports.chat_completions import ChatCompletions
from parley_orchestrator.llm.transports.chat_wire import ChatAnswer, chat_body
from tests.orchestrator.contract.asking import HELLO, answer, failure, said, text
from tests.orchestrator.contract.chat_completions_wire import ChatCompletionsWire
from tests.orchestrator.contract.http_server import HttpServer, response
from tests.serving import serve

SSE = "text/event-stream"
FINISHED = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


@pytest.mark.anyio
async def test_the_real_service_is_qwen() -> None:
    with serve(service()) as url:
        transport = to(url)
        await transport.warm()
        models = await transport.models()
        items = await answer(transport, said("What should I do about a fever?"))
        await transport.close()

    *pieces, usage = items
    assert "qwen2-5-7b-instruct" in models
    assert len(pieces) > 1
    assert text(pieces).strip()
    assert isinstance(usage, Usage)
    assert usage.completion_tokens > 0


@pytest.mark.anyio
async def test_the_real_service_calls_a_tool_and_takes_its_result() -> None:
    slots = Tool("find_slots", "Free appointments.", {"type": "object", "properties": {}})
    with serve(service()) as url:
        transport = to(url, tools=(slots,))
        request = said("Please call find_slots.", tool_choice="required")
        call = next(i for i in await answer(transport, request) if isinstance(i, ToolCall))
        result = ToolResult(call.id, call.name, '{"slots": ["9:00"]}')
        spoken = await answer(transport, said("Please call find_slots.", call, result))
        await transport.close()

    assert call.name == "find_slots"
    assert text(spoken).strip()


@pytest.mark.anyio
async def test_the_real_service_refuses_a_wrong_key() -> None:
    with serve(create_app(LlmSettings(api_keys="right"))) as url:
        transport = to(url, api_key="wrong")
        _, failed = await failure(transport)
        with pytest.raises(LlmFailed) as cold:
            await transport.warm()
        await transport.close()

    assert (failed.kind, cold.value.kind) == ("auth", "auth")


@pytest.mark.anyio
async def test_a_server_that_does_not_stream_is_understood() -> None:
    whole = {
        "choices": [{"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    async with answering(
        response(200, json.dumps(whole).encode(), media_type="application/json")
    ) as (
        _,
        transport,
    ):
        assert await answer(transport) == [Text("Yes."), Usage(3, 1)]


@pytest.mark.anyio
async def test_comments_and_event_names_are_no_answer() -> None:
    lines = b": ping\n\nevent: message\nid: 1\ndata:" + chunk({"content": "Yes."})
    async with answering(streamed(lines, event(FINISHED))) as (_, transport):
        assert await answer(transport) == [Text("Yes.")]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "media_type", "body", "kind"),
    [
        (200, "text/html", b"<html>", "malformed"),
        (200, SSE, b"data: [1]\n\n", "malformed"),
        (200, SSE, b'data: {"choices": 7}\n\n', "malformed"),
        (200, SSE, b"data: \xff\xfe\n\n", "malformed"),
        (200, SSE, b"", "cut"),
        (200, SSE, b"data: [DONE]\n\n", "cut"),
        (200, SSE, b'data: {"error": {"message": "x", "code": 429}}\n\n', "rate_limited"),
        (200, SSE, b'data: {"error": "x"}\n\n', "server"),
        (200, "application/json", b'{"error": {"message": "x"}}', "server"),
        (302, "text/html", b"", "server"),
        (402, "text/html", b"pay", "rate_limited"),
        (408, "text/html", b"", "timeout"),
        (502, "text/html", b"<html>", "server"),
    ],
)
async def test_what_is_no_answer_has_a_kind(
    status: int, media_type: str, body: bytes, kind: FailureKind
) -> None:
    async with answering(response(status, body, media_type=media_type)) as (_, transport):
        items, failed = await failure(transport)

    assert (items, failed.kind) == ([], kind)


@pytest.mark.anyio
async def test_what_a_model_thinks_aloud_is_not_spoken() -> None:
    pieces = ("<thi", "nk>Hmm", ".</think>", "\n\nYes", ".")
    events = [event({"choices": [{"delta": {"content": piece}}]}) for piece in pieces]
    async with answering(streamed(*events, event(FINISHED))) as (_, transport):
        assert await answer(transport) == [Text("Yes"), Text(".")]


@pytest.mark.anyio
async def test_what_the_provider_filters_is_blocked() -> None:
    filtered = {"choices": [{"delta": {}, "finish_reason": "content_filter"}]}
    async with answering(streamed(event(filtered))) as (_, transport):
        _, failed = await failure(transport)

    assert failed.kind == "blocked"


@pytest.mark.anyio
async def test_a_date_says_how_long_to_wait() -> None:
    past = "retry-after: Wed, 21 Oct 2015 07:28:00 GMT"
    nonsense = "retry-after: soon"
    async with answering(response(429, b"", past, media_type="text/html")) as (server, transport):
        _, over = await failure(transport)
        server.response = response(429, b"", nonsense, media_type="text/html")
        _, unsaid = await failure(transport)

    assert (over.retry_after_s, unsaid.retry_after_s) == (0.0, None)


@pytest.mark.anyio
async def test_without_a_key_none_is_sent() -> None:
    async with answering(streamed(event(FINISHED)), api_key="") as (server, transport):
        await failure(transport)

    assert "authorization" not in server.requests[0].headers


@pytest.mark.anyio
async def test_the_models_can_be_listed() -> None:
    async with answering(b"") as (_, transport):
        assert await transport.models() == ("m-1", "m-2")


@pytest.mark.anyio
@pytest.mark.parametrize(("model", "warnings"), [("m-1", 0), ("m-9", 1)])
async def test_a_model_that_the_server_does_not_list_is_noted_at_the_start(
    model: str, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with answering(b"", model=model) as (_, transport):
        await transport.warm()

    assert [r.name for r in caplog.records if r.levelname == "WARNING"] == (
        ["parley.orchestrator"] * warnings
    )


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://me.openai.azure.com/openai/v1", "max_completion_tokens"),
        ("http://127.0.0.1:8000/llm/v1", "max_tokens"),
        ("https://notopenai.com/v1", "max_tokens"),
    ],
)
def test_the_limit_has_the_name_that_the_server_knows(base_url: str, name: str) -> None:
    body = chat_body(HELLO, LlmConfig(model="m", base_url=base_url, max_tokens=5))

    assert {key for key in body if key.startswith("max")} == {name}


def test_without_tools_nothing_is_said_about_them() -> None:
    body = chat_body(ChatRequest((), tools=()), LlmConfig(model="m"))

    assert not {"tools", "tool_choice"} & set(body)


def test_a_call_joins_what_was_said_before_it() -> None:
    call = ToolCall("1", "f", "{}")
    request = said("a", Said("assistant", "b"), call, ToolResult("1", "f", "c"), tools=())

    roles = [message["role"] for message in chat_body(request, LlmConfig(model="m"))["messages"]]

    assert roles == ["user", "assistant", "tool"]


def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    piece = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
    first, second = (next(_calls(piece)) for _ in range(2))

    assert first.id != second.id


def test_calls_are_told_apart_by_number_or_by_id() -> None:
    answer = ChatAnswer("rest")
    for piece in (
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":'}},
        {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}},
        {"index": 0, "function": {"arguments": "1}"}},
        {"index": 1, "id": "c", "function": {"name": "h"}},
    ):
        assert not list(answer.push({"choices": [{"delta": {"tool_calls": [piece]}}]}))
    list(answer.push(FINISHED))

    assert list(answer.end()) == [
        ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"), ToolCall("c", "h", "{}"),
    ]  # fmt: skip


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(
            ["choices", "delta", "content", "tool_calls", "function", "index", "id", "usage",
             "error", "code", "finish_reason", "arguments", "name", "prompt_tokens"]
        ), inner,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=50)
@given(st.lists(json_values, max_size=4))
def test_any_json_is_items_or_our_failure(events: list[Any]) -> None:
    answer = ChatAnswer("rest")
    try:
        items = [item for data in events for item in answer.push(data)] + list(answer.end())
    except LlmFailed:
        return
    assert all(isinstance(item, Text | ToolCall | Usage) for item in items)


def _calls(piece: dict[str, Any]) -> Any:
    answer = ChatAnswer("rest")
    list(answer.push({"choices": [{"delta": {"tool_calls": [piece]}, "finish_reason": "stop"}]}))
    return answer.end()


def service() -> Service:
    return create_app(LlmSettings(allow_anonymous=True))


def to(url: str, **config: Any) -> ChatCompletions:
    configured = {"model": "qwen2-5-7b-instruct", "base_url": service_url(url, "llm"), **config}
    return ChatCompletions("qwen", LlmConfig(**configured))


@asynccontextmanager
async def answering(raw: bytes, **config: Any) -> AsyncIterator[tuple[HttpServer, ChatCompletions]]:
    async with ChatCompletionsWire("rest").serve() as server:
        server.response = raw
        configured = {"model": "m", "base_url": server.url, "api_key": "key", **config}
        transport = ChatCompletions("rest", LlmConfig(**configured))
        try:
            yield server, transport
        finally:
            await transport.close()


def event(data: object) -> bytes:
    return b"data: %s\n\n" % json.dumps(data).encode()


def chunk(delta: object) -> bytes:
    return json.dumps({"choices": [{"delta": delta}]}).encode() + b"\n\n"


def streamed(*events: bytes) -> bytes:
    return response(200, b"".join(events), media_type=SSE)
