"""What of a conversation a model is sent: the instructions always, of the turns the latest."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_orchestrator.llm.chat import ChatRequest, Entry, Said, Tool, ToolCall, ToolResult
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.history import prepared

CONFIG = LlmConfig(model="m", instructions="Be kind.", max_turns=2)
BOOK = Tool("book", "Book a slot.", {"type": "object"})

HELLO = Said("user", "Hello")
GREETING = Said("assistant", "Welcome.")
MONDAY = Said("user", "Monday?")
TUESDAY = Said("user", "Or Tuesday?")
CALL = ToolCall("call-1", "book", "{}")
OTHER_CALL = ToolCall("call-2", "book", "{}")
RESULT = ToolResult("call-1", "book", "booked")
OTHER_RESULT = ToolResult("call-2", "book", "taken")

ids = st.sampled_from(["a", "b", "c"])
entries = st.lists(
    st.builds(Said, st.sampled_from(["user", "assistant"]), st.sampled_from(["", " ", "words"]))
    | st.builds(ToolCall, ids, st.just("book"), st.text(max_size=3))
    | st.builds(ToolResult, ids, st.just("book"), st.text(max_size=3)),
    max_size=20,
).map(tuple)
turns = st.integers(1, 4)


def sent(*entries: Entry, max_turns: int = 32) -> tuple[Entry, ...]:
    return prepared(ChatRequest(entries), LlmConfig(model="m", max_turns=max_turns)).entries


def test_a_request_without_instructions_or_tools_gets_those_that_are_configured() -> None:
    config = LlmConfig(model="m", instructions="Be kind.", tools=(BOOK,))

    request = prepared(ChatRequest((HELLO,)), config)

    assert (request.instructions, request.tools) == ("Be kind.", (BOOK,))


def test_a_request_keeps_its_own_instructions_and_may_want_no_tools() -> None:
    config = LlmConfig(model="m", instructions="Be kind.", tools=(BOOK,))

    request = prepared(ChatRequest((HELLO,), instructions="Be brief.", tools=()), config)

    assert (request.instructions, request.tools) == ("Be brief.", ())


def test_without_a_tool_none_is_required() -> None:
    request = prepared(ChatRequest((HELLO,), tool_choice="required"), CONFIG)

    assert request.tool_choice == "auto"


def test_the_choice_among_tools_is_kept() -> None:
    request = prepared(ChatRequest((HELLO,), tools=(BOOK,), tool_choice="required"), CONFIG)

    assert request.tool_choice == "required"


def test_the_latest_turns_are_left_with_all_that_follows_each() -> None:
    early = (HELLO, GREETING, MONDAY, CALL, RESULT, Said("assistant", "Done."), TUESDAY)

    assert sent(*early, max_turns=2) == early[2:]
    assert sent(*early, max_turns=1) == (TUESDAY,)


def test_a_greeting_before_the_first_question_is_left_while_nothing_is_cut() -> None:
    assert sent(GREETING, HELLO, MONDAY, max_turns=2) == (GREETING, HELLO, MONDAY)
    assert sent(GREETING, HELLO, MONDAY, max_turns=1) == (MONDAY,)


def test_a_result_that_came_after_the_caller_spoke_goes_back_to_its_call() -> None:
    assert sent(MONDAY, CALL, TUESDAY, RESULT) == (MONDAY, CALL, RESULT, TUESDAY)


def test_the_cap_does_not_part_a_call_from_a_late_result() -> None:
    assert sent(MONDAY, CALL, TUESDAY, RESULT, max_turns=1) == (TUESDAY,)


def test_calls_of_one_answer_stay_together() -> None:
    answered = (MONDAY, CALL, OTHER_CALL, RESULT, OTHER_RESULT)

    assert sent(MONDAY, CALL, OTHER_CALL, OTHER_RESULT, RESULT) == answered


def test_calls_of_two_answers_stay_apart() -> None:
    answered = (MONDAY, CALL, RESULT, OTHER_CALL, OTHER_RESULT)

    assert sent(*answered) == answered


def test_a_call_or_a_result_that_is_alone_is_left_out() -> None:
    assert sent(MONDAY, CALL, OTHER_CALL, OTHER_RESULT) == (MONDAY, OTHER_CALL, OTHER_RESULT)
    assert sent(RESULT, MONDAY) == (MONDAY,)


def test_calls_of_one_id_are_told_apart() -> None:
    first, second = ToolResult("call-1", "book", "first"), ToolResult("call-1", "book", "second")

    assert sent(MONDAY, CALL, first, TUESDAY, CALL, second)[-2:] == (CALL, second)
    assert sent(MONDAY, CALL, TUESDAY, CALL, first) == (MONDAY, TUESDAY, CALL, first)
    assert sent(MONDAY, CALL, TUESDAY, CALL, first, second) == (MONDAY, TUESDAY, CALL, first)
    assert sent(MONDAY, CALL, CALL, first, second) == (MONDAY, CALL, CALL, first, second)


def test_what_was_said_without_a_word_is_left_out() -> None:
    assert sent(Said("assistant", " \n"), HELLO) == (HELLO,)


def test_no_turns_at_all_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="max_turns"):
        sent(HELLO, max_turns=0)


@given(entries, turns)
def test_each_run_of_calls_is_followed_by_its_results(
    entries: tuple[Entry, ...], max_turns: int
) -> None:
    kept = sent(*entries, max_turns=max_turns)

    for calls, results in runs(kept):
        assert [call.id for call in calls] == [result.call_id for result in results]


@given(entries, turns)
def test_no_more_turns_are_sent_than_may_be_and_the_latest_is_one_of_them(
    entries: tuple[Entry, ...], max_turns: int
) -> None:
    questions = [entry for entry in entries if is_question(entry)]
    kept = [entry for entry in sent(*entries, max_turns=max_turns) if is_question(entry)]

    assert kept == questions[-max_turns:]


@given(entries, turns)
def test_what_is_prepared_stays_as_it_is(entries: tuple[Entry, ...], max_turns: int) -> None:
    config = LlmConfig(model="m", instructions="Be kind.", tools=(BOOK,), max_turns=max_turns)
    once = prepared(ChatRequest(entries), config)

    assert prepared(once, config) == once


def is_question(entry: Entry) -> bool:
    return isinstance(entry, Said) and entry.role == "user" and bool(entry.text.strip())


def runs(entries: Sequence[Entry]) -> list[tuple[list[ToolCall], list[ToolResult]]]:
    """Each run of calls with the run of results after it; fails if anything else is there."""
    found: list[tuple[list[ToolCall], list[ToolResult]]] = []
    previous: Entry | None = None
    for entry in entries:
        if isinstance(entry, ToolCall):
            if not isinstance(previous, ToolCall):
                found.append(([], []))
            found[-1][0].append(entry)
        elif isinstance(entry, ToolResult):
            assert isinstance(previous, ToolCall | ToolResult), "a result far from its call"
            found[-1][1].append(entry)
        previous = entry
    return found
