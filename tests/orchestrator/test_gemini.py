"""What is Gemini's own: its signatures and endings, and the traps of its SDK."""

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from parley_orchestrator.errors import FailureKind
from parley_orchestrator.llm.chat import Said, Text, Tool, ToolCall, ToolResult, Usage
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transports.gemini import Gemini
from parley_orchestrator.llm.transports.gemini_wire import contents, thinking
from tests.orchestrator.contract.asking import HELLO, answer, connected, failure, said
from tests.orchestrator.contract.gemini_wire import GeminiWire, signature
from tests.orchestrator.contract.http_server import HttpServer, response
from tests.orchestrator.contract.wire import Call, Finish, Say

pytestmark = pytest.mark.anyio

SLOTS = Tool("find_slots", "Free appointments.", {"type": "object", "properties": {}})


async def test_a_thought_signature_goes_back_with_its_call_and_with_no_other() -> None:
    theirs = ToolCall("call_qwen", "find_slots", "{}")
    async with connected(GeminiWire(), tools=(SLOTS,)) as (server, transport):
        server.answer = (Call("call_7", "find_slots", "{}"), Finish())
        (ours,) = await answer(transport)
        assert isinstance(ours, ToolCall)
        server.answer = (Say("At nine."), Finish())
        await answer(
            transport,
            said(
                "When?", theirs, ToolResult("call_qwen", "find_slots", "8"),
                "And then?", ours, ToolResult(ours.id, "find_slots", "9"),
            ),
        )  # fmt: skip

    calls = [entry for entry in server.asked[1].entries if isinstance(entry, ToolCall)]
    assert ours.signature == signature("call_7")
    assert [(call.id, call.signature) for call in calls] == [
        ("call_qwen", None), ("call_7", signature("call_7")),
    ]  # fmt: skip


async def test_signatures_of_any_bytes_survive() -> None:
    raw = base64.b64encode(bytes(range(256))).decode()
    call = ToolCall("1", "f", "{}", raw)
    (turn, _) = contents((call, ToolResult("1", "f", "x")))

    assert turn.parts
    assert turn.parts[0].thought_signature == bytes(range(256))


@pytest.mark.parametrize(
    "call", [ToolCall("1", "f", "[]"), ToolCall("1", "f", "{"), ToolCall("1", "f", "{}", "?")]
)
async def test_a_call_that_cannot_be_sent_is_not_geminis_failure(call: ToolCall) -> None:
    async with connected(GeminiWire()) as (server, transport):
        _, failed = await failure(transport, said("When?", call, ToolResult("1", "f", "x")))

    assert (failed.kind, server.asked) == ("refused", [])


async def test_a_result_that_is_an_error_is_told_as_one() -> None:
    result = ToolResult("1", "f", "no such day", is_error=True)
    (_, turn) = contents((ToolCall("1", "f", "{}"), result))

    assert turn.parts
    assert turn.parts[0].function_response
    assert turn.parts[0].function_response.response == {"error": "no such day"}


async def test_what_one_side_says_in_a_row_is_one_turn_and_the_user_has_the_last() -> None:
    turns = contents((Said("user", "a"), Said("user", "b"), Said("assistant", "c")))

    assert [(turn.role, len(turn.parts or ())) for turn in turns] == [
        ("user", 2), ("model", 1), ("user", 1),
    ]  # fmt: skip
    assert [turn.role for turn in contents(())] == ["user"]


async def test_thoughts_are_not_spoken_but_counted() -> None:
    parts = [{"text": "hmm", "thought": True}, {"text": "Yes."}]
    counts = {"promptTokenCount": 4, "candidatesTokenCount": 1, "thoughtsTokenCount": 9}
    async with answering(streamed(ending("STOP", parts, usageMetadata=counts))) as (_, transport):
        assert await answer(transport) == [Text("Yes."), Usage(4, 10)]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("SAFETY", "blocked"),
        ("PROHIBITED_CONTENT", "blocked"),
        ("RECITATION", "blocked"),
        ("MALFORMED_FUNCTION_CALL", "malformed"),
        ("OTHER", "cut"),
    ],
)
async def test_an_ending_has_a_kind(reason: str, kind: FailureKind) -> None:
    async with answering(streamed(ending(reason, []))) as (_, transport):
        _, failed = await failure(transport)

    assert failed.kind == kind


async def test_an_answer_that_reached_its_limit_is_an_answer() -> None:
    async with answering(streamed(ending("MAX_TOKENS", [{"text": "Yes"}]))) as (_, transport):
        assert await answer(transport) == [Text("Yes")]


async def test_a_blocked_question_is_blocked() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}}
    async with answering(streamed(blocked)) as (_, transport):
        _, failed = await failure(transport)

    assert failed.kind == "blocked"


@pytest.mark.parametrize(
    ("status", "error", "kind", "retry_after_s"),
    [
        (400, {"status": "INVALID_ARGUMENT"}, "refused", None),
        (400, {"details": [{"reason": "API_KEY_INVALID"}]}, "auth", None),
        (400, {"status": "FAILED_PRECONDITION"}, "auth", None),
        (429, {"details": [{}, {"retryDelay": "34.5s"}]}, "rate_limited", 34.5),
        (429, {"status": "RESOURCE_EXHAUSTED", "details": "none"}, "rate_limited", None),
        (503, {"status": "UNAVAILABLE"}, "server", None),
        (504, [1], "server", None),
    ],
)
async def test_an_error_says_more_than_its_status(
    status: int, error: Any, kind: FailureKind, retry_after_s: float | None
) -> None:
    body = json.dumps({"error": error}).encode()
    async with answering(response(status, body, media_type="application/json")) as (_, transport):
        _, failed = await failure(transport)

    assert (failed.kind, failed.retry_after_s) == (kind, retry_after_s)


@pytest.mark.parametrize(
    "event",
    [
        b"data: [1]\n\n",
        b'data: {"candidates": 7}\n\n',
        b'data: {"candidates": [[]]}\n\n',
        b'data: {"candidates": [{"content": {"parts": [{"text": {}}]}}]}\n\n',
        b"<html>\n\n",
    ],
)
async def test_events_of_another_shape_are_no_answer(event: bytes) -> None:
    """In some of them the SDK sees nothing wrong, and nothing at all."""
    async with answering(response(200, event, media_type="text/event-stream")) as (_, transport):
        items, failed = await failure(transport)

    assert items == []
    assert failed.kind in ("malformed", "cut")


async def test_comments_names_and_missing_blanks_do_not_confuse_the_sdk() -> None:
    text = json.dumps(ending("STOP", [{"text": "Yes \u2028 \u00fc."}]), ensure_ascii=False)
    body = f": ping\n\nevent: message\nid: 7\ndata:{text}\n\n: bye\n\n".encode()
    async with answering(response(200, body, media_type="text/event-stream")) as (_, transport):
        assert await answer(transport) == [Text("Yes \u2028 \u00fc.")]


async def test_a_deadline_under_ten_seconds_is_not_told_to_gemini() -> None:
    async with connected(GeminiWire(), first_token_timeout_s=1.0) as (server, transport):
        await answer(transport)

        assert isinstance(server, HttpServer)
        assert "x-server-timeout" not in server.requests[0].headers


async def test_a_failed_connection_is_not_slept_on() -> None:
    async with GeminiWire().serve() as server:
        url = server.url
    transport = Gemini(LlmConfig(model="m", base_url=url, api_key="key"))
    began = time.monotonic()
    _, failed = await failure(transport)
    await transport.close()

    assert failed.kind == "connect"
    assert time.monotonic() - began < 1.0


async def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with GeminiWire().serve() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
        transport = Gemini(LlmConfig(model="gemini-2.5-flash", api_key="key"))
        answered = await answer(transport, HELLO)
        await transport.close()

    assert answered == [Text("Hello.")]
    assert server.asked[0].model == "gemini-2.5-flash"


@pytest.mark.parametrize(
    ("model", "budget", "level"),
    [
        ("gemini-2.5-flash", 0, None),
        ("models/gemini-2.5-flash-lite", 0, None),
        ("gemini-2.5-pro", None, None),
        ("gemini-3.8-flash", None, "MINIMAL"),
        ("gemini-3-pro", None, "LOW"),
        ("gemini-2.0-flash", None, None),
        ("tunedModels/mine", None, None),
    ],
)
async def test_it_thinks_as_little_as_it_can(
    model: str, budget: int | None, level: str | None
) -> None:
    config = thinking(model)

    assert (config and config.thinking_budget) == budget
    assert (config and config.thinking_level and config.thinking_level.value) == level


def ending(reason: str, parts: list[Any], **more: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": parts}
    return {"candidates": [{"content": content, "finishReason": reason}], **more}


def streamed(*events: object) -> bytes:
    body = b"".join(b"data: %s\r\n\r\n" % json.dumps(event).encode() for event in events)
    return response(200, body, media_type="text/event-stream")


@asynccontextmanager
async def answering(raw: bytes) -> AsyncIterator[tuple[HttpServer, Gemini]]:
    async with GeminiWire().serve() as server:
        server.response = raw
        transport = Gemini(LlmConfig(model="m", base_url=server.url, api_key="key"))
        try:
            yield server, transport
        finally:
            await transport.close()
