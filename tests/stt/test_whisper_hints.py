"""Prompt and keywords leave Whisper's context room for an answer, whatever a caller sends."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from parley_stt.engines.whisper.hints import fitting

words = st.text("abc ", max_size=400)


def encode(text: str) -> Sequence[int]:
    """A token for each letter."""
    return [ord(letter) for letter in text]


@given(words, st.lists(words, max_size=20))
def test_hints_fill_half_of_the_context_at_most(prompt: str, keywords: list[str]) -> None:
    hints = fitting(prompt, keywords, encode)

    assert len(hints.prompt) + len(encode(f" {hints.keywords}" if hints.keywords else "")) <= 223


def test_short_hints_are_given_whole() -> None:
    hints = fitting(" Hello. ", ["Parley", "Qwen"], encode)

    assert hints.prompt == encode(" Hello.")
    assert hints.keywords == "Parley Qwen"


def test_of_a_long_prompt_the_end_is_kept() -> None:
    assert fitting("a" * 300 + "z", [], encode).prompt[-1] == ord("z")


def test_of_many_keywords_whole_ones_are_kept_from_the_first_on() -> None:
    assert fitting("", ["a" * 60, "b" * 40, "c" * 60], encode).keywords == f"{'a' * 60} {'b' * 40}"


def test_without_hints_there_are_none() -> None:
    hints = fitting(" ", [], encode)

    assert (len(hints.prompt), hints.keywords) == (0, "")
