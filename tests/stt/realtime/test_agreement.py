"""Interim text is never taken back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_stt.realtime.agreement import Agreement


def deltas(*hypotheses: str, final: str) -> list[str]:
    agreement = Agreement()
    said = [agreement.interim(hypothesis) for hypothesis in hypotheses]
    return [*said, agreement.final(final)]


def test_words_are_said_when_two_hypotheses_agree() -> None:
    assert deltas(
        "what", "what is", "what is the", "what is the weather", final="what is the weather in"
    ) == ["", "what", " is", " the", " weather in"]


def test_a_word_that_changes_waits() -> None:
    assert deltas("what a", "what is", "what is", final="what is it") == ["", "what", " is", " it"]


def test_nothing_is_taken_back() -> None:
    assert deltas("what is", "what is", "who was", "who was", final="who was it") == [
        "", "what is", "", "", "",
    ]  # fmt: skip


def test_a_mark_at_the_end_waits_for_what_follows() -> None:
    said = deltas("Hello.", "Hello.", "Hello, world.", "Hello, world.", final="Hello, world!")

    assert said == ["", "Hello", "", ", world", "!"]


def test_white_space_is_no_difference() -> None:
    assert deltas(" what  is ", "what is", final="what\n is it") == ["", "what is", " it"]


def test_a_script_without_spaces_comes_letter_by_letter() -> None:
    assert deltas("今天天气", "今天天晴", final="今天天气很好") == ["", "今天天", "气很好"]


def test_silence_says_nothing() -> None:
    assert deltas("", "", final="") == ["", "", ""]


@pytest.mark.parametrize("final", ["what.is", "whatXis"])
def test_marks_in_what_was_said_are_taken_literally(final: str) -> None:
    assert deltas("a.b c", "a.b c", final=final)[-1] == ""


words = st.lists(st.sampled_from(["one", "two", "two,", "three.", "四", "…"]), max_size=6)
sentences = words.map(" ".join)


@given(st.lists(sentences, max_size=8), sentences)
def test_deltas_add_up_to_the_transcript_unless_they_contradict_it(
    hypotheses: list[str], final: str
) -> None:
    said = deltas(*hypotheses, final=final)

    interim = "".join(said[:-1])
    if final.startswith(interim):
        assert "".join(said) == final
    else:
        assert said[-1] == ""


@given(st.lists(st.text(max_size=20), max_size=6), st.text(max_size=20))
def test_no_text_breaks_it(hypotheses: list[str], final: str) -> None:
    deltas(*hypotheses, final=final)


@given(st.lists(sentences, min_size=2, max_size=8))
def test_what_is_said_is_what_two_hypotheses_began_with(hypotheses: list[str]) -> None:
    agreement, said = Agreement(), ""
    for before, hypothesis in zip(["", *hypotheses], hypotheses, strict=False):
        delta = agreement.interim(hypothesis)
        said += delta
        if delta:
            assert before.startswith(said)
            assert hypothesis.startswith(said)
