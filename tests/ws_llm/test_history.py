"""What the assistant remembers: whole turns, each once, within limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import InvalidRequest
from parley_kit.ws_protocol import ChatMessage
from parley_ws_llm.history import History, Messages, trim, turn_starts


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def assistant(text: str) -> ChatMessage:
    return ChatMessage(role="assistant", content=text)


@pytest.fixture
def history() -> History:
    return History(max_turns=10, max_chars=1000)


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
    history = History(max_turns=2, max_chars=1000)
    for word in ("one", "two", "three"):
        history.end(history.begin((user(word),)), word.upper())

    assert [message.content for message in history.messages] == ["two", "TWO", "three", "THREE"]


def test_a_message_beyond_all_limits_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        History(max_turns=2, max_chars=10).begin((user("x" * 11),))

    assert caught.value.code == "context_too_long"


@given(conversations, st.integers(1, 5), st.integers(1, 100))
def test_what_is_kept_is_the_end_of_the_conversation_and_begins_a_turn(
    messages: Messages, max_turns: int, max_chars: int
) -> None:
    kept = trim(messages, max_turns, max_chars)

    assert kept
    assert messages[-len(kept) :] == kept
    assert len(messages) - len(kept) in turn_starts(messages)
    assert len(turn_starts(kept)) <= max_turns


@given(conversations, st.integers(1, 5), st.integers(1, 100))
def test_only_the_newest_turn_may_exceed_the_characters(
    messages: Messages, max_turns: int, max_chars: int
) -> None:
    kept = trim(messages, max_turns, max_chars)

    chars = sum(len(message.content) for message in kept)
    assert chars <= max_chars or len(turn_starts(kept)) == 1


@given(conversations)
def test_a_conversation_within_the_limits_is_kept_whole(messages: Messages) -> None:
    assert trim(messages, 100, 10_000) == messages
