"""Tools: the model asks, the client calls, and the result comes back on the same socket."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving import serve
from tests.ws_llm.talking import assistant, talk
from tests.ws_llm.upstreams import Behaviour, Exchange, Upstream, says, upstream

pytestmark = pytest.mark.anyio

BOOK = {
    "type": "function",
    "function": {"name": "book", "parameters": {"type": "object", "properties": {"day": {}}}},
}


def calls(*arguments: str, name: str = "book") -> Behaviour:
    """A model that calls a tool, the arguments in pieces."""

    def behave(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("One moment.")
        exchange.event(delta({"id": "call-1", "type": "function", "function": {"name": name}}))
        for piece in arguments:
            exchange.event(delta({"function": {"arguments": piece}}))
        exchange.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})

    return behave


def delta(call: dict[str, Any]) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **call}]}}]}


@pytest.fixture
def booking() -> Iterator[Upstream]:
    with upstream(calls('{"day": ', '"Monday"}')) as server:
        yield server


@pytest.fixture
def service(booking: Upstream) -> Iterator[str]:
    with serve(assistant(booking.url)) as url:
        yield url


async def test_a_call_comes_whole_after_the_text(service: str, booking: Upstream) -> None:
    async with talk(service) as client:
        await client.chat("Monday?", id="a", tools=[BOOK], tool_choice="required")
        text, call, last = await client.answer()

    assert text["content"] == "One moment."
    assert (call["type"], call["id"]) == ("tool_call", "a")
    assert call["call"] == {
        "id": "call-1",
        "type": "function",
        "function": {"name": "book", "arguments": '{"day": "Monday"}'},
    }
    assert (last["type"], last["content"]) == ("complete", "One moment.")
    assert booking.asked[0]["tools"] == [BOOK]
    assert booking.asked[0]["tool_choice"] == "required"


async def test_the_result_alone_is_enough_for_the_next_chat(
    service: str, booking: Upstream
) -> None:
    async with talk(service) as client:
        await client.ask("Monday?", tools=[BOOK])
        booking.behave = says("Booked.")
        last = await client.ask({"role": "tool", "tool_call_id": "call-1", "content": "9 am"})

    told = booking.asked[1]["messages"][1:]
    assert [message["role"] for message in told] == ["user", "assistant", "tool"]
    assert told[1]["tool_calls"][0]["id"] == told[2]["tool_call_id"] == "call-1"
    assert last["content"] == "Booked."


async def test_a_client_may_send_its_whole_context_with_calls_and_results(
    service: str, booking: Upstream
) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "book", "arguments": "{}"}}
    booking.behave = says("Booked.")
    async with talk(service) as client:
        await client.ask(
            "Monday?",
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "9 am"},
        )
        await client.ask("thanks")

    assert [m["role"] for m in booking.asked[1]["messages"][1:]] == [
        "user", "assistant", "tool", "assistant", "user",
    ]  # fmt: skip


async def test_a_result_of_nothing_is_refused(service: str) -> None:
    async with talk(service) as client:
        result = {"role": "tool", "tool_call_id": "call-9", "content": "x"}

        assert (await client.ask(result, id="a"))["code"] == "unknown_tool_call"


@pytest.mark.parametrize("arguments", ["", "{", "[]", '"x"'])
async def test_a_call_that_is_no_object_is_the_models_fault(
    service: str, booking: Upstream, arguments: str
) -> None:
    booking.behave = calls(arguments)
    async with talk(service) as client:
        await client.chat("Monday?", id="a", tools=[BOOK])
        *_, last = await client.answer()

    assert last["code"] == "upstream_faulty"


async def test_instructions_do_not_leave_in_arguments_either(
    service: str, booking: Upstream
) -> None:
    async with talk(service) as client:
        await client.ask("hello")
        told = booking.asked[0]["messages"][0]["content"]
        booking.behave = calls(json.dumps({"day": told}))
        await client.chat("Monday?", id="a", tools=[BOOK])
        replies = await client.answer()

    assert "tool_call" not in {reply["type"] for reply in replies}
