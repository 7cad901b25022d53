"""What is given to engines that read letters, and where in the caller's text it comes from."""

# ruff: noqa: RUF001  what looks like another character is what is tested

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.engines.spelling import has_sound, readable, spellings, together
from parley_tts.engines.transliteration import in_ascii
from parley_tts.traced import Span, Traced

anything = st.text(st.characters(exclude_categories=()))


def ascii_of(text: str) -> str:
    return in_ascii(readable(Traced.of(text))).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“Smart” ‘quotes’ don’t hurt", "\"Smart\" 'quotes' don't hurt"),
        ("yes — no", "yes, no"),
        ("yes—no", "yes, no"),
        ("yes – no", "yes, no"),
        ("10–12", "10 to 12"),
        ("well-known", "well-known"),
        ("€5.50 or £3", "5.50 euros or 3 pounds"),
        ("5 €", "5  euros"),
        ("20°", "20 degrees "),
        ("Café Müller, Straße, Łódź, Ærø", "Cafe Muller, Strasse, Lodz, AEro"),
        ("2½", "2 1/2"),
        ("wait…", "wait..."),
        ("Ｆｕｌｌ", "Full"),
        ("3 × 4", "3  times  4"),
    ],
)
def test_what_has_an_english_spelling_keeps_its_sound(text: str, expected: str) -> None:
    assert ascii_of(text) == expected


def test_a_respelling_comes_from_what_was_written() -> None:
    spelled = in_ascii(Traced.of("a €5 Straße"))

    assert spelled.text == "a 5 euros Strasse"
    assert spelled[2:9].span() == Span(2, 4)
    assert spelled[14:16].span() == Span(9, 10)


@given(anything)
def test_ascii_is_ascii(text: str) -> None:
    assert ascii_of(text).isascii()


@given(st.text(st.characters(max_codepoint=126, min_codepoint=32)))
def test_ascii_stays_what_it_is(text: str) -> None:
    assert in_ascii(Traced.of(text)) == Traced.of(text)


@given(anything)
def test_what_is_readable_can_be_given_to_a_c_library(text: str) -> None:
    assert b"\0" not in readable(Traced.of(text)).text.encode()


@pytest.mark.parametrize("text", ["naïve", "日本語", "नमस्ते", "здравствуйте", "می‌خواهم", "5°", "😀"])
def test_words_of_any_script_stay_what_they_are(text: str) -> None:
    assert readable(Traced.of(text)) == Traced.of(text)


@pytest.mark.parametrize("text", ["a", "5", "%", "$", "é", "日"])
def test_words_numbers_and_named_marks_have_a_sound(text: str) -> None:
    assert has_sound(text)


@pytest.mark.parametrize("text", ["", "...", "?!", "--", '"', "\n", "😀"])
def test_punctuation_has_none(text: str) -> None:
    assert not has_sound(text)


@given(st.text("ab. \n", max_size=400), st.integers(10, 60))
def test_pieces_are_within_the_limit_and_nothing_is_lost(text: str, max_size: int) -> None:
    clause = Traced.of(text)
    found = spellings(clause, clause, "any", max_size)

    assert all(phrase.size < max_size and has_sound(phrase.text.text) for phrase in found)
    letters = [char for char in text if char.isalnum()]
    if found:
        spoken = together(found)
        assert [char for char in spoken.text if char.isalnum()] == letters
        assert all(
            text[o.start] == c
            for c, o in zip(spoken.text, spoken.origins, strict=True)
            if c.isalnum()
        )
    else:
        assert letters == []


def test_words_are_not_cut_if_that_can_be() -> None:
    clause = Traced.of("nine letters and nine letters and nine")

    found = [phrase.text.text for phrase in spellings(clause, clause, "any", 20)]
    assert found == ["nine letters and", "nine letters and", "nine"]
