"""What every transport does, whatever its wire."""

import asyncio
import json
import logging
import time
import traceback
from contextlib import aclosing

import pytest

from parley_orchestrator.errors import FailureKind
from parley_orchestrator.llm.chat import Said, Text, Tool, ToolCall, ToolResult, Usage
from parley_orchestrator.llm.config import LlmConfig
from tests.orchestrator.contract.asking import (
    HELLO,
    LONG_S,
    SOON_S,
    answer,
    connected,
    failure,
    said,
    text,
    until,
)
from tests.orchestrator.contract.wire import (
    QUOTED,
    Answer,
    Begin,
    Call,
    Count,
    Cut,
    Fault,
    Finish,
    Garble,
    Hang,
    Hold,
    Refuse,
    Say,
    Wire,
)

pytestmark = pytest.mark.anyio

SLOTS = Tool(
    "find_slots",
    "Free appointments of a day.",
    {
        "type": "object",
        "properties": {"day": {"type": "string", "description": "As the caller says it."}},
        "required": ["day"],
        "additionalProperties": False,
    },
)
CALL = ToolCall("call_7", "find_slots", '{"day": "Monday"}')
RESULT = ToolResult("call_7", "find_slots", '{"slots": ["9:00"]}')


async def test_text_comes_in_the_pieces_in_which_it_was_made(wire: Wire) -> None:
    async with connected(wire) as (server, transport):
        server.answer = (Say("One"), Say(" two,\n"), Say("three, ünd 四."), Finish())

        assert text(await answer(transport)) == "One two,\nthree, ünd 四."
        assert [item async for item in transport.stream(HELLO)] == [
            Text("One"), Text(" two,\n"), Text("three, ünd 四."),
        ]  # fmt: skip


async def test_a_piece_does_not_wait_for_the_next(wire: Wire) -> None:
    more = asyncio.Event()
    async with connected(wire) as (server, transport):
        server.answer = (Say("One."), Hold(more), Say(" Two."), Finish())
        async with aclosing(transport.stream(HELLO)) as items:
            first = await anext(items)
            more.set()
            rest = [item async for item in items]

    assert (first, rest) == (Text("One."), [Text(" Two.")])


async def test_usage_is_the_last_item(wire: Wire) -> None:
    async with connected(wire) as (server, transport):
        server.answer = (Say("Yes."), Finish(), Count(12, 3, cached=8))

        cached = 0 if "cached_tokens" in wire.lacks else 8
        assert await answer(transport) == [Text("Yes."), Usage(12, 3, cached)]


async def test_a_server_need_not_count(wire: Wire) -> None:
    async with connected(wire) as (server, transport):
        server.answer = (Say("Yes."), Finish())

        assert await answer(transport) == [Text("Yes.")]


async def test_what_is_configured_is_what_is_asked(wire: Wire) -> None:
    async with connected(
        wire,
        instructions="Be kind.",
        tools=(SLOTS,),
        temperature=0.25,
        max_tokens=77,
        organization="org-1",
    ) as (server, transport):
        await answer(transport)

    (asked,) = server.asked
    told = {
        "model": (asked.model, "model-1"),
        "organization": (asked.organization, "org-1"),
        "temperature": (asked.temperature, 0.25),
        "max_tokens": (asked.max_tokens, 77),
        "instructions": (asked.instructions, "Be kind."),
        "streaming": (asked.streaming, True),
        "tool_choice": (asked.tool_choice, "auto"),
    }
    assert {name: got for name, (got, _) in told.items() if name not in wire.lacks} == {
        name: wanted for name, (_, wanted) in told.items() if name not in wire.lacks
    }
    assert asked.api_key == "key"
    assert asked.tools == ("find_slots",)
    assert asked.entries == (Said("user", "Hello?"),)


async def test_what_is_not_configured_is_not_sent(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "GOOGLE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "not for this server")
    async with connected(wire, api_key="key") as (server, transport):
        await answer(transport)

    (asked,) = server.asked
    assert (asked.organization, asked.temperature, asked.max_tokens) == ("", None, None)
    assert (asked.instructions, asked.tools, asked.api_key) == ("", (), "key")


async def test_a_request_has_the_last_word(wire: Wire) -> None:
    async with connected(wire, instructions="Be kind.", tools=(SLOTS,)) as (server, transport):
        await answer(transport, said("Hello?", instructions="Be brief.", tools=()))

    (asked,) = server.asked
    assert asked.tools == ()
    if "instructions" not in wire.lacks:
        assert asked.instructions == "Be brief."


@pytest.mark.parametrize("choice", ["none", "required"])
async def test_the_choice_of_tools_is_passed_on(wire: Wire, choice: str) -> None:
    if "tool_choice" in wire.lacks:
        pytest.skip("the wire cannot say it")
    async with connected(wire, tools=(SLOTS,)) as (server, transport):
        await answer(transport, said("Hello?", tool_choice=choice))

    assert server.asked[0].tool_choice == choice


async def test_a_conversation_arrives_as_it_was(wire: Wire) -> None:
    entries = (Said("user", "One?"), Said("assistant", "Two."), Said("user", "Three?"))
    async with connected(wire) as (server, transport):
        await answer(transport, said(*entries))

    assert server.asked[0].entries == entries


async def test_a_greeting_may_come_first(wire: Wire) -> None:
    entries = (Said("assistant", "Hello, how can I help?"), Said("user", "One?"))
    async with connected(wire) as (server, transport):
        await answer(transport, said(*entries))

    assert server.asked[0].entries == entries


async def test_only_the_latest_turns_are_sent_and_always_the_instructions(wire: Wire) -> None:
    old = [Said("user", f"Old {n}?") for n in range(5)]
    async with connected(wire, instructions="Be kind.", max_turns=2) as (server, transport):
        await answer(transport, said(*old, "Last?", CALL, RESULT, "Now?"))

    (asked,) = server.asked
    assert [type(entry) for entry in asked.entries] == [Said, ToolCall, ToolResult, Said]
    assert [e.text for e in asked.entries if isinstance(e, Said)] == ["Last?", "Now?"]
    if "instructions" not in wire.lacks:
        assert asked.instructions == "Be kind."


async def test_a_tool_call_comes_whole(wire: Wire) -> None:
    async with connected(wire, tools=(SLOTS,)) as (server, transport):
        server.answer = (Call("call_7", "find_slots", '{"day": "Monday"}'), Finish())
        (call,) = await answer(transport)

    assert isinstance(call, ToolCall)
    assert (call.name, json.loads(call.arguments)) == ("find_slots", {"day": "Monday"})
    assert call.id


async def test_an_answer_may_speak_and_call_several_tools(wire: Wire) -> None:
    async with connected(wire, tools=(SLOTS,)) as (server, transport):
        server.answer = (
            Say("Let me see."),
            Call("call_7", "find_slots", '{"day": "Monday"}'),
            Call("call_8", "find_slots", '{"day": "Friday"}'),
            Finish(),
        )
        spoken, first, second = await answer(transport)

    assert spoken == Text("Let me see.")
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert first.id != second.id
    assert [json.loads(c.arguments)["day"] for c in (first, second)] == ["Monday", "Friday"]


async def test_a_tool_without_parameters_is_called_with_an_empty_object(wire: Wire) -> None:
    async with connected(wire, tools=(SLOTS,)) as (server, transport):
        server.answer = (Call("call_7", "find_slots", "{}"), Finish())
        (call,) = await answer(transport)

    assert isinstance(call, ToolCall)
    assert json.loads(call.arguments) == {}


async def test_the_result_goes_back_with_its_call(wire: Wire) -> None:
    second = ToolCall("call_8", "find_slots", '{"day": "Friday"}')
    request = said(
        "Monday or Friday?", Said("assistant", "Let me see."), CALL, second,
        RESULT, ToolResult("call_8", "find_slots", "none"), "And?",
    )  # fmt: skip
    async with connected(wire, tools=(SLOTS,)) as (server, transport):
        await answer(transport, request)

    entries = server.asked[0].entries
    calls = [entry for entry in entries if isinstance(entry, ToolCall)]
    results = [entry for entry in entries if isinstance(entry, ToolResult)]
    assert [type(entry) for entry in entries] == [type(entry) for entry in request.entries]
    assert [(c.id, c.name) for c in calls] == [("call_7", "find_slots"), ("call_8", "find_slots")]
    assert [json.loads(c.arguments)["day"] for c in calls] == ["Monday", "Friday"]
    assert [(r.call_id, r.output) for r in results] == [
        ("call_7", '{"slots": ["9:00"]}'), ("call_8", "none"),
    ]  # fmt: skip


async def test_a_call_of_its_own_is_answered_in_the_next_request(wire: Wire) -> None:
    async with connected(wire, tools=(SLOTS,)) as (server, transport):
        server.answer = (Call("call_7", "find_slots", '{"day": "Monday"}'), Finish())
        (call,) = await answer(transport)
        assert isinstance(call, ToolCall)
        server.answer = (Say("At nine."), Finish())
        again = await answer(transport, said("Monday?", call, ToolResult(call.id, call.name, "9")))

    assert again == [Text("At nine.")]
    assert [type(entry) for entry in server.asked[1].entries] == [Said, ToolCall, ToolResult]


async def test_with_streaming_off_the_text_is_one_piece(wire: Wire) -> None:
    async with connected(wire, stream=False, tools=(SLOTS,)) as (server, transport):
        server.answer = (
            Say("Let me"), Say(" see."), Call("call_7", "find_slots", "{}"), Finish(), Count(5, 2),
        )  # fmt: skip
        spoken, call, usage = await answer(transport)

    assert (spoken, usage) == (Text("Let me see."), Usage(5, 2))
    assert isinstance(call, ToolCall)
    if "streaming" not in wire.lacks:
        assert not server.asked[0].streaming


@pytest.mark.parametrize("so_far", [(), (Begin(),), (Say("One"),)], ids=["asked", "begun", "spoke"])
async def test_to_stop_listening_stops_the_model(wire: Wire, so_far: Answer) -> None:
    async with connected(wire) as (server, transport):
        server.answer = (*so_far, Hang())
        items = transport.stream(HELLO)
        if Say("One") in so_far:
            assert await anext(items) == Text("One")
        else:
            waiting = asyncio.ensure_future(anext(items))
            await until(lambda: bool(server.asked))
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await items.aclose()

        async with asyncio.timeout(SOON_S):
            await server.stopped.wait()


async def test_after_an_interruption_the_next_question_is_answered(wire: Wire) -> None:
    async with connected(wire) as (server, transport):
        server.answer = (Say("One"), Hang())
        async with aclosing(transport.stream(HELLO)) as items:
            await anext(items)
        server.answer = (Say("Two."), Finish())

        assert await answer(transport) == [Text("Two.")]


async def test_answers_run_side_by_side(wire: Wire) -> None:
    both = asyncio.Event()
    async with connected(wire) as (server, transport):
        server.answer = (Say("One."), Hold(both), Say(" Two."), Finish())
        first, second = transport.stream(HELLO), transport.stream(HELLO)
        begun = [await anext(first), await anext(second)]
        both.set()
        rest = [item async for item in first] + [item async for item in second]

    assert begun + rest == [Text("One."), Text("One."), Text(" Two."), Text(" Two.")]


# What of an answer can be seen before its first word, and so be cut, depends on the wire.
CUT_EARLY: tuple[FailureKind, ...] = ("cut", "connect")

FAILURES: dict[str, tuple[Answer, FailureKind | tuple[FailureKind, ...], str]] = {
    "silent before a byte": ((Hang(),), "timeout", ""),
    "silent after the head": ((Begin(), Hang()), "timeout", ""),
    "silent after blanks": ((Say(" \n"), Hang()), "timeout", ""),
    "silent after a word": ((Say("One"), Hang()), "timeout", "One"),
    "nothing said": ((Begin(), Finish()), "empty", ""),
    "nothing said, and counted": ((Finish(), Count(3, 0)), "empty", ""),
    "blanks said": ((Say(" \n"), Finish()), "empty", ""),
    "429": ((Refuse(429),), "rate_limited", ""),
    "500": ((Refuse(500),), "server", ""),
    "503": ((Refuse(503),), "server", ""),
    "401": ((Refuse(401),), "auth", ""),
    "403": ((Refuse(403),), "auth", ""),
    "400": ((Refuse(400),), "refused", ""),
    "404": ((Refuse(404),), "refused", ""),
    "an error as the answer": ((Fault(),), "server", ""),
    "an error after a word": ((Say("One"), Fault()), "server", "One"),
    "cut before a byte": ((Cut(),), "connect", ""),
    "cut after the head": ((Begin(), Cut()), CUT_EARLY, ""),
    "cut after a word": ((Say("One"), Cut()), "cut", "One"),
    "garbled": ((Garble(),), "malformed", ""),
    "garbled after a word": ((Say("One"), Garble()), "malformed", "One"),
}


@pytest.mark.parametrize(("wrong", "kind", "heard"), FAILURES.values(), ids=FAILURES.keys())
async def test_a_failure_has_a_kind_and_is_not_retried(
    wire: Wire, wrong: Answer, kind: FailureKind | tuple[FailureKind, ...], heard: str
) -> None:
    if wrong == (Begin(), Cut()) and "head" in wire.lacks:
        kind = "connect"
    brief = 0.5 if kind == "timeout" else LONG_S
    first = LONG_S if heard else brief
    async with connected(wire, first_token_timeout_s=first, stall_timeout_s=brief) as (
        server,
        transport,
    ):
        server.answer = wrong
        began = time.monotonic()
        items, failed = await failure(transport)

    assert failed.kind in ((kind,) if isinstance(kind, str) else kind)
    assert text(items) == heard
    assert time.monotonic() - began < SOON_S
    assert len(server.asked) == 1


async def test_after_a_failure_the_next_question_is_answered(wire: Wire) -> None:
    async with connected(wire) as (server, transport):
        for wrong, _, _ in FAILURES.values():
            if Hang() in wrong:
                continue
            server.answer = wrong
            await failure(transport)
            server.answer = (Say("Again."), Finish())

            assert await answer(transport) == [Text("Again.")]


@pytest.mark.parametrize(
    ("wrong", "kinds"),
    [
        ((Hang(),), ("timeout",)),
        ((Say("One"), Hang()), ("timeout",)),
        ((Cut(),), CUT_EARLY),
        ((Say("One"), Cut()), CUT_EARLY),
        ((Refuse(500),), ("server",)),
        ((Garble(),), ("malformed",)),
        ((Finish(),), ("empty",)),
    ],
    ids=lambda value: "-".join(type(step).__name__ for step in value),
)
async def test_with_streaming_off_half_an_answer_is_none(
    wire: Wire, wrong: Answer, kinds: tuple[FailureKind, ...]
) -> None:
    brief = 0.1 if kinds == ("timeout",) else LONG_S
    async with connected(
        wire, stream=False, first_token_timeout_s=brief, stall_timeout_s=brief
    ) as (server, transport):
        server.answer = wrong
        items, failed = await failure(transport)

    assert items == []
    assert failed.kind in kinds


async def test_nothing_of_the_conversation_is_logged(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request = said("my secret question", instructions="my secret prompt")
    async with connected(wire) as (server, transport):
        caplog.clear()
        server.answer = (Say("my secret answer"), Finish())
        await answer(transport, request)
        for wrong in (Refuse(500), Fault(), Garble(), Cut()):
            server.answer = (wrong,)
            await failure(transport, request)

    # The fake server's log is in the same process.
    ours = [record for record in caplog.records if record.name != "websockets.server"]
    assert [record for record in ours if "secret" in record.getMessage()] == []


async def test_a_failure_tells_nothing_of_the_conversation(wire: Wire) -> None:
    async with connected(wire) as (server, transport):
        for wrong in (Refuse(500), Refuse(400), Refuse(429), Fault(), Garble()):
            server.answer = (wrong,)
            _, failed = await failure(transport)

            assert QUOTED not in "".join(traceback.format_exception(failed))


async def test_how_long_to_wait_is_passed_on(wire: Wire) -> None:
    if "retry_after" in wire.lacks:
        pytest.skip("the wire cannot say it")
    async with connected(wire) as (server, transport):
        server.answer = (Refuse(429, retry_after_s=7),)
        _, limited = await failure(transport)
        server.answer = (Refuse(503, retry_after_s=2),)
        _, busy = await failure(transport)

    assert (limited.retry_after_s, busy.retry_after_s) == (7, 2)


@pytest.mark.parametrize("arguments", ["{oops", "[1]", '"Monday"'])
async def test_arguments_that_are_no_object_are_malformed(wire: Wire, arguments: str) -> None:
    async with connected(wire, tools=(SLOTS,)) as (server, transport):
        server.answer = (Call("call_7", "find_slots", arguments), Finish())
        items, failed = await failure(transport)

    assert (items, failed.kind) == ([], "malformed")


async def test_a_whole_answer_is_not_spoilt_by_what_comes_after_its_end(wire: Wire) -> None:
    async with connected(wire, stall_timeout_s=LONG_S) as (server, transport):
        for after in (Hang(), Cut()):
            server.answer = (Say("Yes."), Finish(), after)
            began = time.monotonic()

            assert await answer(transport) == [Text("Yes.")]
            assert time.monotonic() - began < SOON_S


async def test_a_server_that_is_not_there_is_said_at_once(wire: Wire) -> None:
    async with wire.serve() as server:
        url = server.url
    transport = wire.transport(LlmConfig(model="model-1", base_url=url, api_key="key"))
    began = time.monotonic()
    items, failed = await failure(transport)
    await transport.close()

    assert (items, failed.kind) == ([], "connect")
    assert time.monotonic() - began < SOON_S


async def test_a_warm_transport_asks_on_the_connection_that_it_has(wire: Wire) -> None:
    async with connected(wire) as (server, transport):
        await transport.warm()
        warmed = (server.connections, len(server.asked))
        await answer(transport)
        await answer(transport)

        assert warmed == (1, 0)
        assert server.connections == 1


async def test_to_warm_up_at_a_server_that_is_not_there_fails(wire: Wire) -> None:
    async with wire.serve() as server:
        url = server.url
    transport = wire.transport(LlmConfig(model="model-1", base_url=url, api_key="key"))
    with pytest.raises(Exception, match=wire.name) as failed:
        await transport.warm()
    await transport.close()

    assert getattr(failed.value, "kind", "") == "connect"


async def test_close_gives_back_every_connection(wire: Wire) -> None:
    async with connected(wire) as (server, transport):
        await transport.warm()
        server.answer = (Say("One"), Hang())
        items = transport.stream(HELLO)
        await anext(items)
        await items.aclose()
        await transport.close()
        await until(lambda: not server.open_connections)


async def test_it_says_what_it_is(wire: Wire) -> None:
    async with connected(wire) as (_, transport):
        assert (transport.name, transport.api) == (wire.name, wire.api)
        assert transport.config.model == "model-1"
