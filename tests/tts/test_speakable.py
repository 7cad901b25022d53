"""Text that an engine can say."""

# ruff: noqa: RUF001  what looks like another character is what is tested

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.speakable import clean, is_speakable, to_ascii


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
    assert to_ascii(text) == expected


@given(st.text())
def test_ascii_is_ascii(text: str) -> None:
    assert to_ascii(clean(text)).isascii()


@given(st.text(st.characters(max_codepoint=126, min_codepoint=32)))
def test_ascii_stays_what_it_is(text: str) -> None:
    assert to_ascii(clean(text)) == text


@given(st.text(st.characters(exclude_categories=())))
def test_clean_text_can_be_given_to_a_c_library(text: str) -> None:
    assert b"\0" not in clean(text).encode()


@pytest.mark.parametrize("text", ["naïve", "日本語", "नमस्ते", "здравствуйте", "می‌خواهم", "5°"])
def test_words_of_any_script_stay_what_they_are(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("emoji", ["😀", "👨‍👩‍👧", "👍🏽", "🇩🇪", "❤️", "☎", "\ud800", "\ue000"])
def test_pictures_and_broken_characters_are_silent(emoji: str) -> None:
    assert not is_speakable(clean(emoji))
    assert clean(f"Hello{emoji}there").split() == ["Hello", "there"] or emoji == "👨‍👩‍👧"


def test_a_digit_in_a_keycap_is_a_digit() -> None:
    assert clean("5️⃣") == "5"


@pytest.mark.parametrize("text", ["a", "5", "%", "$", "é", "日"])
def test_words_numbers_and_named_marks_are_speakable(text: str) -> None:
    assert is_speakable(text)


@pytest.mark.parametrize("text", ["", "...", "?!", "--", '"', "\n"])
def test_punctuation_is_not_speakable(text: str) -> None:
    assert not is_speakable(text)
