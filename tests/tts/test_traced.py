"""Changed text knows what it was made of."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.traced import Span, Traced, joined

TEXTS = st.text("ab 1,.\n", max_size=30)
PATTERNS = st.sampled_from(["a", "b+", r"\d+", " ", r"a\w*", r"\S+", r"(?<=a)(?=b)", "(?=1)"])
Change = tuple[str, str]
CHANGES = st.lists(st.tuples(PATTERNS, st.text("ab 1x", max_size=8)), max_size=5)


def written(text: str, part: Traced) -> str:
    return text[part.span().start : part.span().end]


def word(text: Traced, spoken: str) -> Traced:
    return next(each for each in text.words() if each.text == spoken)


def always(new: str) -> Callable[[re.Match[str]], str]:
    return lambda _: new


def changed(text: Traced, changes: list[Change]) -> Traced:
    for pattern, new in changes:
        if text.text:
            text = text.sub(re.compile(pattern), always(new))
    return text


def swap(pattern: str, new: str | Callable[[re.Match[str]], str], text: str) -> Traced:
    return Traced.of(text).sub(re.compile(pattern), new if callable(new) else always(new))


@given(TEXTS, st.integers(0, 1000), CHANGES)
def test_every_character_comes_from_the_callers_text_in_order(
    text: str, start: int, changes: list[Change]
) -> None:
    result = changed(Traced.of(text, start), changes)
    assert len(result.origins) == len(result.text)
    assert all(start <= o.start < o.end <= start + len(text) for o in result.origins)
    assert [o.start for o in result.origins] == sorted(o.start for o in result.origins)
    assert [o.end for o in result.origins] == sorted(o.end for o in result.origins)


@given(TEXTS, PATTERNS, st.text("xyz", min_size=1, max_size=8))
def test_nothing_that_is_replaced_by_something_is_lost(text: str, pattern: str, new: str) -> None:
    result = swap(pattern, new, text) if text else Traced.of("")
    assert {at for o in result.origins for at in range(o.start, o.end)} == set(range(len(text)))


@given(TEXTS, CHANGES)
def test_it_reads_as_if_it_were_plain_text(text: str, changes: list[Change]) -> None:
    plain = text
    for pattern, new in changes:
        plain = re.sub(pattern, always(new), plain) if plain else plain
    assert changed(Traced.of(text), changes).text == plain


@given(TEXTS)
def test_words_of_unchanged_text_are_themselves(text: str) -> None:
    traced = Traced.of(text, start=3)
    assert [w.text for w in traced.words()] == text.split()
    assert all(written("###" + text, w) == w.text for w in traced.words())


@given(st.lists(TEXTS))
def test_what_is_cut_and_joined_is_the_same(parts: list[str]) -> None:
    whole = Traced.of("".join(parts))
    cut, at = [], 0
    for part in parts:
        cut.append(whole[at : at + len(part)])
        at += len(part)
    assert joined(cut) == whole


def test_all_of_a_replacement_stands_for_all_that_was_replaced() -> None:
    result = swap(r"\$5", "five dollars", "It costs $5 now")
    assert [written("It costs $5 now", w) for w in result.words()] == [
        "It",
        "costs",
        "$5",
        "$5",
        "now",
    ]


def test_words_that_a_replacement_keeps_stand_for_themselves() -> None:
    text = "On March 5th, then"
    result = swap("March 5th,", "March fifth,", text)
    assert written(text, word(result, "March")) == "March"
    assert written(text, word(result, "fifth,")) == "5th,"


def test_parts_of_words_that_happen_to_be_the_same_do_not_stand_for_themselves() -> None:
    assert written("Dr. Who", word(swap(r"Dr\.", "Doctor", "Dr. Who"), "Doctor")) == "Dr."


def test_what_is_put_between_two_characters_stands_for_both() -> None:
    assert swap("(?<=b)(?=c)", "-", "abcd")[2:3].span() == Span(1, 3)
    assert swap(r"\Z", "!", "ab")[2:3].span() == Span(1, 2)


def test_nothing_can_be_put_into_an_empty_text() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        swap(r"\A", "x", "")


def test_what_a_match_keeps_leads_back_exactly() -> None:
    result = Traced.of("see [the book](x) now").keep(
        re.compile(r"\[(?P<kept>[^]]*)\]\(\w\)"), "kept"
    )
    assert result.text == "see the book now"
    assert word(result, "book").span() == Span(9, 13)


def test_text_is_split_into_what_matches_and_what_does_not() -> None:
    between, matches = Traced.of("a1b22c").split(re.compile(r"\d+"))
    assert [part.text for part in between] == ["a", "b", "c"]
    assert [part.text for part in matches] == ["1", "22"]
    assert matches[1].span() == Span(3, 5)


def test_an_empty_text_came_from_nowhere() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        Traced.of("").span()
