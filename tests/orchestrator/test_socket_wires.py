"""Properties of what is said over WebSockets, whatever the conversation."""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.ws_protocol import Chat, Complete, Delta, ServerMessage, encode, parse_client
from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.chat import (
    ChatRequest,
    Entry,
    Item,
    Said,
    Text,
    ToolCall,
    ToolResult,
)
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.history import prepared
from parley_orchestrator.llm.transports.realtime_answer import RealtimeAnswer, read_event
from parley_orchestrator.llm.transports.realtime_wire import Dialect, response_create
from parley_orchestrator.llm.transports.ws_wire import WsAnswer, chat_of
from parley_ws_llm.tool_results import settled

CONFIG = LlmConfig(model="m", max_turns=5)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ids = st.sampled_from(["call_1", "call_2", "call_" + "9" * 60, "call_" + "8" * 60])
entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Said, st.sampled_from(["user", "assistant"]), text),
    st.builds(ToolCall, ids, st.just("book"), st.just("{}")),
    st.builds(ToolResult, ids, st.just("book"), text),
)
conversations = st.lists(entries, max_size=12).map(
    lambda listed: prepared(ChatRequest((*listed, Said("user", "And now?"))), CONFIG)
)
dialects = st.sampled_from(["ga", "beta"])


@given(conversations, dialects)
def test_every_result_has_its_call_in_a_realtime_question(
    request: ChatRequest, dialect: Dialect
) -> None:
    created = response_create(dialect, request, CONFIG, "event_1")
    items = created["response"]["input"]
    calls = [item["call_id"] for item in items if item["type"] == "function_call"]
    results = [item["call_id"] for item in items if item["type"] == "function_call_output"]

    assert len(items) == len(request.entries)
    assert sorted(calls) == sorted(results)
    assert all(len(call_id) <= 32 for call_id in calls)
    assert json.loads(json.dumps(created)) == created


@given(conversations)
def test_the_service_takes_every_question_and_loses_nothing_of_it(request: ChatRequest) -> None:
    chat = parse_client(encode(chat_of(request, "1")))

    assert isinstance(chat, Chat)
    if _ids_are_unique(request.entries):
        assert settled(chat.messages) == chat.messages
    assert "".join(message.content for message in chat.messages) == "".join(
        entry.output if isinstance(entry, ToolResult) else entry.text
        for entry in request.entries
        if not isinstance(entry, ToolCall)
    )


def _ids_are_unique(entries: Iterable[Entry]) -> bool:
    calls = [entry.id for entry in entries if isinstance(entry, ToolCall)]
    return len(calls) == len(set(calls))


@given(st.lists(text), st.sampled_from(["response.output_text.delta", "response.text.delta"]))
def test_a_realtime_answer_is_what_its_pieces_were(pieces: list[str], type: str) -> None:
    answer = RealtimeAnswer("m", "event_1")
    events: list[dict[str, Any]] = [{"type": type, "delta": piece} for piece in pieces]
    whole = [{"content": [{"text": "".join(pieces)}]}]
    events.append({"type": "response.done", "response": {"output": whole}})
    items = [item for event in events for item in answer.push(read_event(json.dumps(event), "m"))]

    assert _joined(items) == "".join(pieces)


@given(st.lists(text), st.integers(min_value=0))
def test_an_answer_of_ws_is_what_its_end_has(pieces: list[str], lost: int) -> None:
    answer = WsAnswer("m")
    come = pieces[: len(pieces) - lost % (len(pieces) + 1)]
    replies: list[ServerMessage] = [
        *(Delta(content=piece) for piece in come),
        Complete(content="".join(pieces)),
    ]

    assert _joined(item for reply in replies for item in answer.push(reply)) == "".join(pieces)


def _joined(items: Iterable[Item]) -> str:
    return "".join(item.text for item in items if isinstance(item, Text))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
)
fields = st.sampled_from(["type", "delta", "item", "response", "error", "session", "status"])
types = st.sampled_from([
    "response.output_text.delta", "response.output_item.done", "response.done", "error",
    "response.created", "session.updated",
])  # fmt: skip


@given(st.dictionaries(fields, json_values), types)
def test_whatever_a_realtime_server_sends_is_an_event_or_a_failure(
    event: dict[str, object], type: str
) -> None:
    raw = json.dumps(event | {"type": type})
    with suppress(LlmFailed):
        list(RealtimeAnswer("m", "event_1").push(read_event(raw, "m")))


@pytest.mark.parametrize("raw", [b"\xff", "", "[]", "null", "{}", '{"type": 7}', "[" * 9_999])
def test_what_is_no_event_is_malformed(raw: str | bytes) -> None:
    with pytest.raises(LlmFailed) as failed:
        read_event(raw, "m")

    assert failed.value.kind == "malformed"
