"""The caller's words out of what engines report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.engine import TimedWord
from parley_tts.engines.word_times import Mark, timed_words
from parley_tts.traced import Span, Traced, joined

TEXT = "Two of the “best” $5 books"


def times(text: Traced, *marks: Mark) -> list[tuple[Span, float, float]]:
    return [(word.span, word.start_s, word.end_s) for word in timed_words(text, marks)]


def test_a_word_is_what_is_between_spaces_without_its_punctuation() -> None:
    found = timed_words(
        Traced.of("(Yes), he 'did'."), [Mark(1, 0, 1), Mark(7, 1, 2), Mark(11, 2, 3)]
    )

    assert [word.span for word in found] == [Span(1, 4), Span(7, 9), Span(11, 14)]


def test_what_a_word_is_expanded_to_is_one_word() -> None:
    assert times(Traced.of("$5.50!"), Mark(0, 0.1, 0.2), Mark(1, 0.2, 0.5), Mark(3, 0.6, 0.8)) == [
        (Span(0, 5), 0.1, 0.8)
    ]


def test_words_that_come_from_one_place_are_one() -> None:
    origin = (Span(10, 12),)
    spoken = joined([Traced("five dollars", origin * 12), Traced.of(" now", start=12)])

    assert times(spoken, Mark(0, 0, 1), Mark(5, 1, 2), Mark(13, 2, 3)) == [
        (Span(10, 12), 0, 2),
        (Span(13, 16), 2, 3),
    ]


def test_words_without_a_time_share_that_of_the_one_before_by_their_letters() -> None:
    assert times(Traced.of("of the men"), Mark(0, 0.0, 0.5), Mark(7, 0.5, 1.0)) == [
        (Span(0, 2), 0.0, pytest.approx(0.2)),
        (Span(3, 6), pytest.approx(0.2), 0.5),
        (Span(7, 10), 0.5, 1.0),
    ]


def test_the_first_words_share_that_of_the_one_after() -> None:
    found = times(Traced.of("a b c"), Mark(4, 0.0, 0.9))

    assert [start for _, start, _ in found] == pytest.approx([0.0, 0.3, 0.6])


def test_what_has_neither_time_nor_letter_is_no_word() -> None:
    found = timed_words(Traced.of("yes - & no"), [Mark(0, 0, 1), Mark(6, 1, 2), Mark(8, 2, 3)])

    assert [word.span for word in found] == [Span(0, 3), Span(6, 7), Span(8, 10)]


def test_nothing_spoken_has_no_words() -> None:
    assert timed_words(Traced.of("yes no"), []) == ()


def test_where_words_have_no_spaces_every_mark_begins_one() -> None:
    found = timed_words(Traced.of("你好世界。"), [Mark(0, 0, 1), Mark(2, 1, 2), Mark(3, 2, 3)])

    assert [word.span for word in found] == [Span(0, 2), Span(2, 3), Span(3, 4)]


reports = st.builds(Mark, st.integers(0, len(TEXT) - 1), st.floats(0, 9), st.floats(0, 9)).filter(
    lambda mark: mark.start_s <= mark.end_s
)


@given(st.lists(reports, min_size=1, max_size=12))
def test_whatever_is_reported_words_follow_each_other_and_none_is_left_out(
    reported: list[Mark],
) -> None:
    found = timed_words(Traced.of(TEXT), reported)

    assert [TEXT[word.span.start : word.span.end] for word in found] == [
        "Two", "of", "the", "best", "$5", "books",
    ]  # fmt: skip
    assert_in_order(found)


def assert_in_order(words: tuple[TimedWord, ...]) -> None:
    at = 0.0
    for word in words:
        assert at <= word.start_s <= word.end_s
        at = word.end_s
