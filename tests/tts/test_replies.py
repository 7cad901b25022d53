"""Words as the caller wrote them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.engine import TimedWord
from parley_tts.replies import bare, timed
from parley_tts.traced import Span


def words_of(text: str) -> list[str]:
    return [text[span.start : span.end] for span in bare(text, Span(0, len(text)))]


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("Hello,", "Hello"), ("“friend”.", "friend"), ("(yes!)", "yes"), ("**bold**", "bold"),
        ("_so_", "so"), ("`code`", "code"), ("John's", "John's"), ("'tis", "tis"),
        ("well-known", "well-known"), ("$5.50,", "$5.50"), ("50%.", "50%"), ("-5°", "-5°"),
        ("R&D", "R&D"), ("&", "&"), ("@home", "@home"), ("#1", "#1"), ("C++,", "C++"),
        ("e.g.", "e.g"), ("¿Qué?", "Qué"), ("你好。", "你好"), ("«oui»", "oui"), ("3:30", "3:30"),
        ("a@b.co,", "a@b.co"), ("— so", "so"), ("  spaced ", "spaced"), ("A", "A"),
    ],
)  # fmt: skip
def test_a_word_is_without_the_punctuation_around_it(written: str, word: str) -> None:
    assert words_of(written) == [word]


@pytest.mark.parametrize("text", ["...", "—", "?!", "***", " ", ""])
def test_punctuation_alone_is_no_word(text: str) -> None:
    assert words_of(text) == []


@given(st.text(max_size=30), st.data())
def test_a_bare_span_lies_inside_and_begins_and_ends_with_what_is_said(
    text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    for span in bare(text, Span(start, end)):
        assert start <= span.start < span.end <= end
        assert list(bare(text, span)) == [span]


def test_times_are_those_of_the_decoded_audio() -> None:
    words = [TimedWord(Span(1, 7), 0.0, 0.25), TimedWord(Span(8, 11), 0.25, 1 / 3)]

    assert timed("“Hello, you”", words, delay_s=0.046) == [
        {"word": "Hello", "start": 0.046, "end": 0.296, "span": [1, 6]},
        {"word": "you", "start": 0.296, "end": 0.379, "span": [8, 11]},
    ]
