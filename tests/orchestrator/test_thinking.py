"""Thoughts at the beginning of an answer are not spoken, however they are cut in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_orchestrator.llm.thinking import SpokenText

SPOKEN = [
    ("Hello.", "Hello."),
    ("<think>Hmm.</think>Hello.", "Hello."),
    ("\n<think>\nHmm < 3.\n</think>\n\nHello <b>.", "Hello <b>."),
    ("<think></think>\n\nHello.", "Hello."),
    ("  Hello.", "  Hello."),
    ("<", "<"),
    ("<thin air", "<thin air"),
    ("<think>never done", ""),
    ("<think>Hmm.</think>", ""),
    ("Hello <think>kept</think>.", "Hello <think>kept</think>."),
    ("<think>a</think>b <think>c</think>", "b <think>c</think>"),
    ("", ""),
]


@given(st.sampled_from(SPOKEN), st.lists(st.integers(1, 5), min_size=40, max_size=40))
def test_thoughts_are_left_out(said: tuple[str, str], sizes: list[int]) -> None:
    text, spoken = said
    heard = SpokenText()
    pieces = []
    for size in sizes:
        pieces.append(heard.push(text[:size]))
        text = text[size:]
    pieces += [heard.push(text), heard.end()]

    assert "".join(pieces) == spoken


@given(st.text(), st.integers(0, 20))
def test_what_begins_otherwise_is_spoken_as_it_is(text: str, at: int) -> None:
    heard = SpokenText()
    spoken = heard.push("Well" + text[:at]) + heard.push(text[at:]) + heard.end()

    assert spoken == "Well" + text


@pytest.mark.parametrize("piece", ["Hello", "<b>", "1 < 2"])
def test_speech_is_not_held_back(piece: str) -> None:
    assert SpokenText().push(piece) == piece
