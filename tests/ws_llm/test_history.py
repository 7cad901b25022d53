"""What the assistant remembers: whole turns, each once, within limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import InvalidRequest
from parley_kit.ws_chat import ChatMessage
from parley_kit.ws_tools import FunctionCall, ToolCall
from parley_ws_llm.history import History, Messages, newest_question, trim, turn_starts
from parley_ws_llm.tokens import tokens_of
from parley_ws_llm.tool_results import settled


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def assistant(text: str) -> ChatMessage:
    return ChatMessage(role="assistant", content=text)


def call(name: str) -> ToolCall:
    return ToolCall(id=name, function=FunctionCall(name=name, arguments="{}"))


def calling(*names: str, content: str = "") -> ChatMessage:
    return ChatMessage(
        role="assistant", content=content, tool_calls=tuple(call(name) for name in names)
    )


def result(name: str) -> ChatMessage:
    return ChatMessage(role="tool", content="done", tool_call_id=name)


@pytest.fixture
def history() -> History:
    return History(max_turns=10, max_tokens=1000)


conversations = st.lists(
    st.builds(
        ChatMessage,
        role=st.sampled_from(["user", "assistant"]),
        content=st.text(min_size=1, max_size=20),
    ),
    min_size=1,
    max_size=12,
).map(tuple)


def test_a_client_that_sends_the_newest_message_is_remembered(history: History) -> None:
    history.end(history.begin((user("I am Ada"),)), "Hello Ada")

    turn = history.begin((user("Who am I?"),))

    assert turn.context == (user("I am Ada"), assistant("Hello Ada"), user("Who am I?"))


def test_a_client_that_sends_its_context_is_not_remembered_twice(history: History) -> None:
    history.end(history.begin((user("I am Ada"),)), "Hello Ada")
    whole = (user("I am Ada"), assistant("Hello Ada"), user("Who am I?"))

    turn = history.begin(whole)
    history.end(turn, "Ada")

    assert turn.context == whole
    assert history.messages == (*whole, assistant("Ada"))


def test_a_failed_turn_leaves_nothing(history: History) -> None:
    history.end(history.begin((user("one"),)), "1")

    history.begin((user("two"),))

    assert history.messages == (user("one"), assistant("1"))


def test_a_turn_without_a_word_of_an_answer_leaves_nothing(history: History) -> None:
    history.end(history.begin((user("one"),)), "")

    assert history.messages == ()


def test_a_turn_that_ends_after_a_reset_is_forgotten(history: History) -> None:
    turn = history.begin((user("one"),))
    history.clear()

    history.end(turn, "1")

    assert history.messages == ()


def test_turns_side_by_side_are_kept_in_the_order_of_their_end(history: History) -> None:
    first, second = history.begin((user("one"),)), history.begin((user("two"),))

    history.end(second, "2")
    history.end(first, "1")

    assert [message.content for message in history.messages] == ["two", "2", "one", "1"]


def test_the_oldest_turns_are_forgotten_first() -> None:
    history = History(max_turns=2, max_tokens=1000)
    for word in ("one", "two", "three"):
        history.end(history.begin((user(word),)), word.upper())

    assert [message.content for message in history.messages] == ["two", "TWO", "three", "THREE"]


def test_a_message_beyond_all_limits_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        History(max_turns=2, max_tokens=10).begin((user("x" * 41),))

    assert caught.value.code == "context_too_long"


@given(conversations, st.integers(1, 5), st.integers(1, 100))
def test_what_is_kept_is_the_end_of_the_conversation_and_begins_a_turn(
    messages: Messages, max_turns: int, max_tokens: int
) -> None:
    kept = trim(messages, max_turns, max_tokens)

    assert kept
    assert messages[-len(kept) :] == kept
    assert len(messages) - len(kept) in turn_starts(messages)
    assert len(turn_starts(kept)) <= max_turns


@given(conversations, st.integers(1, 5), st.integers(1, 100))
def test_only_the_newest_turn_may_exceed_the_tokens(
    messages: Messages, max_turns: int, max_tokens: int
) -> None:
    kept = trim(messages, max_turns, max_tokens)

    tokens = sum(map(tokens_of, kept))
    assert tokens <= max_tokens or len(turn_starts(kept)) == 1


@given(conversations)
def test_a_conversation_within_the_limits_is_kept_whole(messages: Messages) -> None:
    assert trim(messages, 100, 10_000) == messages


def test_results_of_tools_go_on_from_the_call_that_is_remembered(history: History) -> None:
    history.end(history.begin((user("Monday?"),)), "", [call("book")])

    turn = history.begin((result("book"),))
    history.end(turn, "Booked")

    assert turn.context == (user("Monday?"), calling("book"), result("book"))
    assert history.messages == (*turn.context, assistant("Booked"))


def test_a_call_that_nobody_answered_is_not_told_to_the_model(history: History) -> None:
    history.end(history.begin((user("Monday?"),)), "One moment.", [call("book")])

    turn = history.begin((user("No, Tuesday"),))

    assert turn.context == (user("Monday?"), assistant("One moment."), user("No, Tuesday"))


@pytest.mark.parametrize(
    "messages",
    [
        (result("book"),),
        (user("Monday?"), result("book")),
        (user("Monday?"), calling("book"), result("cancel")),
        (user("Monday?"), calling("book"), result("book"), result("book")),
        (user("Monday?"), calling("book"), user("Well?"), result("book")),
    ],
)
def test_a_result_without_its_call_is_refused(messages: Messages) -> None:
    with pytest.raises(InvalidRequest) as caught:
        settled(messages)

    assert caught.value.code == "unknown_tool_call"


def test_of_several_calls_those_that_were_answered_are_kept() -> None:
    messages = (user("Monday?"), calling("book", "cancel"), result("cancel"))

    assert settled(messages) == (user("Monday?"), calling("cancel"), result("cancel"))


def test_tools_count_for_the_limit() -> None:
    history = History(max_turns=10, max_tokens=100)
    history.end(history.begin((user("x" * 200),)), "ok")

    assert len(history.begin((user("two"),)).context) == 3
    assert len(history.begin((user("two"),), reserved_tokens=50).context) == 1


@pytest.mark.parametrize(
    ("messages", "question"),
    [
        ((user("one"),), "one"),
        ((user("one"), assistant("1"), user("two")), "two"),
        ((user("one"), assistant("1"), user("two"), user("three")), "two\nthree"),
        ((user("one"), calling("book"), result("book")), "one"),
        ((result("book"),), ""),
        ((assistant("1"),), ""),
    ],
)
def test_the_newest_question_is_what_was_said_since_the_last_answer(
    messages: Messages, question: str
) -> None:
    assert newest_question(messages) == question
