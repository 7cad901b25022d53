"""Text in pieces."""

# ruff: noqa: RUF001  what looks like another character is what is tested

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.splitting import pieces, sentences

_TEXTS = st.text() | st.lists(
    st.sampled_from(
        ["Dr.", "J.", "3.14", "e.g.", "word", "Word", ".", "...", "?!", '"', ")", ",", ";",
         " ", " ", "  ", "\n", "\n\n", "你好", "。", "！", "、", "1.", "No.", "a.m.", "…", "’"]
    )
).map("".join)  # fmt: skip


def _without_space(text: str) -> str:
    return "".join(text.split())


@given(_TEXTS, st.integers(40, 300))
def test_the_pieces_joined_are_the_text_but_for_white_space(text: str, max_chars: int) -> None:
    assert _without_space("".join(pieces(text, max_chars))) == _without_space(text)


@given(_TEXTS, st.integers(40, 300))
def test_no_piece_is_empty_too_long_or_padded(text: str, max_chars: int) -> None:
    for piece in pieces(text, max_chars):
        assert piece == piece.strip() != ""
        assert len(piece) <= max_chars


@given(_TEXTS)
def test_a_sentence_is_not_cut_again(text: str) -> None:
    for sentence in sentences(text):
        assert _without_space("".join(sentences(sentence))) == _without_space(sentence)
        assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there. How are you?", ["Hello there.", "How are you?"]),
        ("Really?! Yes. No! Fine", ["Really?!", "Yes.", "No!", "Fine"]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("It works (mostly.) We go on.", ["It works (mostly.)", "We go on."]),
        ("One\nTwo\r\n\r\nThree", ["One", "Two", "Three"]),
        ("Wait... What?", ["Wait...", "What?"]),
        ("你好。今天天气很好！再见", ["你好。", "今天天气很好！", "再见"]),
        ("「はい。」と言った。", ["「はい。」", "と言った。"]),
        ("नमस्ते। आप कैसे हैं?", ["नमस्ते।", "आप कैसे हैं?"]),
        ("Apples, pears, etc. They are fruit.", ["Apples, pears, etc.", "They are fruit."]),
        ("The answer is no. Thank you.", ["The answer is no.", "Thank you."]),
        ("It costs 5. That is all.", ["It costs 5.", "That is all."]),
    ],
)
def test_sentences_end_where_they_end(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith and Mrs. Jones live on St. Mary's Rd. nearby.",
        "Pi is 3.14 and costs $1,234.50 today.",
        "J. R. R. Tolkien wrote it.",
        "The U.S. Senate meets at 10 a.m. Monday.",
        "Use fruit, e.g. Apples, i.e. Something sweet.",
        "Well... maybe later.",
        "See No. 5 and p. 12 first.",
        "1. Open the door",
        "Visit www.example.com/a.html today.",
        "(Prof. Who?)",
        "approx. five o'clock",
    ],
)
def test_a_full_stop_is_not_always_an_end(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t \r\n"])
def test_nothing_has_no_pieces(text: str) -> None:
    assert pieces(text, 40) == []


def test_a_long_sentence_is_cut_at_a_clause() -> None:
    first, second = "a" * 15 + " " + "b" * 15 + ",", "c" * 15 + " " + "d" * 15
    assert pieces(f"{first} {second}", 40) == [first, second]


def test_a_long_clause_is_cut_between_words() -> None:
    assert pieces("word " * 20, 40) == ["word word word word word word word word"] * 2 + [
        "word word word word"
    ]


def test_a_long_word_is_cut_anywhere() -> None:
    assert pieces("x" * 100, 40) == ["x" * 40, "x" * 40, "x" * 20]
