"""Text in clauses."""

# ruff: noqa: RUF001  what looks like another character is what is tested

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import InvalidRequest
from parley_tts.clauses import Boundary, Clause, ClauseSplitter, Part, Pause, parts
from parley_tts.clauses.draft import LONGEST_CLAUSE
from parley_tts.traced import Span

_BRICKS = [
    "Dr.", "J.", "I", "3.14", "1,000.50", "e.g.", "word", "Word", "a", "and", "the", "of", "with",
    "March", "5", "5,", "2024", "p.m.", "No.", "1.", "U.S.", "10:30", "representatives", ".", "...",
    "?!", '"', ")", "(", ",", ";", ":", "-", "—", "–", "*", "|", " ", " ", " ", " ", "  ", "\t",
    "\n", "\n\n", "\r\n", "\r", "\u00a0", "\u200b", "你好", "。", "！", "、", "」", "「",
    "ー", "カ", "か", "สวัสดี", "เ", "ครับ", "नमस्ते", "।", "مرحبا", "؟", "한국어", "…", "’",
    "\u0301", "\u200d", "👩", "🏽", "[", "]", "(", ")", "[a, b](http://x/y)", "`x, y`", "`",
    "[Kokoro](/kˈOkəɹO/)", "[pause:0.5s]", "[pause", "[pause:x]", "https://x.y/a,b", "me@x.y",
    "\ud800", "\x00", "\x1c", "x" * 60,
]  # fmt: skip
_TEXTS = st.text(max_size=300) | st.lists(st.sampled_from(_BRICKS), max_size=80).map("".join)


def _divided(text: str, places: list[int]) -> Iterator[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return (text[start:end] for start, end in pairwise(ends))


def _fed(pieces: Iterator[str] | list[str]) -> list[Part]:
    splitter = ClauseSplitter()
    found = [part for piece in pieces for part in splitter.feed(piece)]
    return found + splitter.flush()


def _clauses(text: str) -> list[str]:
    return [part.text.text for part in parts(text) if isinstance(part, Clause)]


def _seen(text: str) -> list[tuple[str, Boundary]]:
    return [(part.text.text, part.boundary) for part in parts(text) if isinstance(part, Clause)]


@given(_TEXTS, st.lists(st.integers(0, 2_000), max_size=30))
def test_it_makes_no_difference_how_the_text_is_divided(text: str, places: list[int]) -> None:
    assert _fed(_divided(text, places)) == parts(text)


@given(_TEXTS)
def test_it_makes_no_difference_that_it_comes_by_single_characters(text: str) -> None:
    assert _fed(list(text)) == parts(text)


@given(_TEXTS)
def test_nothing_is_lost_but_white_space_and_everything_knows_where_it_is_from(text: str) -> None:
    covered: list[int] = []
    for part in parts(text):
        if isinstance(part, Pause):
            covered += range(part.span.start, part.span.end)
        else:
            assert "".join(text[o.start : o.end] for o in part.text.origins) == part.text.text
            covered += (origin.start for origin in part.text.origins)
    assert covered == sorted(set(covered))
    assert "".join(text[at] for at in set(range(len(text))) - set(covered)).strip() == ""


@given(_TEXTS)
def test_no_clause_is_empty_padded_or_without_end(text: str) -> None:
    for clause in _clauses(text):
        assert clause == clause.strip() != ""
        assert len(clause) <= LONGEST_CLAUSE


@given(_TEXTS, _TEXTS)
def test_positions_are_counted_on_past_a_flush(first: str, second: str) -> None:
    splitter = ClauseSplitter()
    splitter.feed(first)
    splitter.flush()
    found = splitter.feed(second) + splitter.flush()
    assert [_span(part) for part in found] == [
        Span(span.start + len(first), span.end + len(first)) for span in map(_span, parts(second))
    ]


def _span(part: Part) -> Span:
    return part.span if isinstance(part, Pause) else part.text.span()


@pytest.mark.parametrize(
    "text",
    ["a", ",", " ", "[", "`", "[a](", "[a ", "a, ", "你", "你，", "\u0301", "J. ", "—", "[](", "1 ",
     "\u00a0", "ก", "[pause:1s]", "a" * 20 + " ", "ー", "|"],
)  # fmt: skip
def test_a_long_text_takes_time_in_proportion(text: str) -> None:
    short, long = 2_000 // len(text) * text, 20_000 // len(text) * text
    assert _seconds(long) < 40 * _seconds(short)


def _seconds(text: str) -> float:
    """The least of some: whatever else the machine does only adds to it."""
    taken = []
    for _ in range(3):
        started = time.thread_time()
        parts(text)
        taken.append(time.thread_time() - started)
    return min(taken)


@pytest.mark.parametrize("text", ["a", " ", "[a ", "你"])
def test_single_characters_without_end_take_time_in_proportion(text: str) -> None:
    def fed(characters: int) -> float:
        splitter = ClauseSplitter()
        started = time.thread_time()
        for at in range(characters):
            splitter.feed(text[at % len(text)])
        return time.thread_time() - started

    assert fed(30_000) < 40 * min(fed(3_000), fed(3_000))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there. How are you?", ["Hello there.", "How are you?"]),
        ("Really?! Yes, of course I do.", ["Really?! Yes,", "of course I do."]),
        ('He said "Stop now." Then he left.', ['He said "Stop now."', "Then he left."]),
        ("It works (mostly, so far.) We go on.", ["It works (mostly,", "so far.) We go on."]),
        ("Wait a moment... What?", ["Wait a moment...", "What?"]),
        ("Wait a moment... no, do not.", ["Wait a moment...", "no, do not."]),
        ("The answer is no. Thank you very much.", ["The answer is no.", "Thank you very much."]),
        ("It costs just 5. That is all.", ["It costs just 5.", "That is all."]),
        ("Apples, pears, etc. They are fruit.", ["Apples, pears,", "etc. They are fruit."]),
        ("It was late—time to go home.", ["It was late—", "time to go home."]),
        ("We came home – and it rained.", ["We came home", "– and it rained."]),
        ("Το όνομά σου ποιο είναι; Με λένε Άννα.", ["Το όνομά σου ποιο είναι;", "Με λένε Άννα."]),
        ("नमस्ते जी कैसे हैं। आप कैसे हैं?", ["नमस्ते जी कैसे हैं।", "आप कैसे हैं?"]),
        ("مرحبا بكم جميعا، كيف حالكم اليوم؟", ["مرحبا بكم جميعا،", "كيف حالكم اليوم؟"]),
        ("مرحبا بكم جميعا؟ شكرا لكم", ["مرحبا بكم جميعا؟", "شكرا لكم"]),
        ("Բարեւ ձեզ բոլորիդ։ Ինչպե՞ս եք այսօր։", ["Բարեւ ձեզ բոլորիդ։", "Ինչպե՞ս եք այսօր։"]),
        ("你好，今天很好！我们出去玩，好吗？", ["你好，今天很好！", "我们出去玩，好吗？"]),
        ("「はい、そうです。」と言った。", ["「はい、そうです。」", "と言った。"]),
        ("สวัสดีครับ วันนี้อากาศดี", ["สวัสดีครับ", "วันนี้อากาศดี"]),
        ("안녕하세요, 오늘 날씨가 좋네요.", ["안녕하세요,", "오늘 날씨가 좋네요."]),
    ],
)  # fmt: skip
def test_clauses_end_where_a_reader_would_breathe(text: str, expected: list[str]) -> None:
    assert _clauses(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Ask Dr. Smith and Mrs. Jones",
        "Pi is 3.14 or $1,234.50 today",
        "J. R. R. Tolkien wrote it",
        "Ask J. K. Rowling about it",
        "The U.S. Senate meets at 10 a.m. Monday",
        "Take fruit, e.g. Apples",
        "See No. 5 and p. 12 first",
        "1. Open the door now",
        "Since March 5, 2024 at 10:30",
        "Am 5. März kam Dr. Müller",
        "Go to www.example.com/a,b?c=d today",
        "Mail john.doe@example.com now",
        "the [a, b](http://x.y/z, c) page",
        "say [Kokoro](/kˈO, kəɹO/) please",
        "call `f(a, b). g()` twice",
        "(Prof. Who?)",
        "approx. five o'clock",
        "Bonjour à tous !",
        "call +49 30 123 4567 now",
    ],
)
def test_what_belongs_together_stays_together(text: str) -> None:
    assert _clauses(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "The quick brown fox jumps over the lazy dog and then runs through the forest.",
            "The quick brown fox jumps",
        ),
        (
            "We would like to invite all of the people who have ever worked in this house.",
            "We would like to invite",
        ),
        (
            "Unfortunately something unexpected happened yesterday evening there.",
            "Unfortunately something unexpected",
        ),
        (
            "Please have a look at https://example.com/" + "a" * 60 + " if you can.",
            "Please have a look",
        ),
        ("吾輩は猫であると言われても困る事がよくある訳ではない", "吾輩は猫であると言われても困る"),
    ],
)
def test_a_long_beginning_is_cut_before_a_phrase(text: str, expected: str) -> None:
    assert _clauses(text)[0] == expected


_WORDS = st.lists(st.sampled_from(["a", "the", "house", "and", "in", "yesterday", "Otto", "it's"]))


@given(_WORDS, st.sampled_from([" ", ", ", " - ", ": "]))
def test_text_without_sentences_is_cut_within_the_limits(words: list[str], mark: str) -> None:
    sizes = [len(clause) for clause in _clauses("We " + mark.join(words))]
    assert sizes[0] <= 40 * 1.15
    assert all(size <= 250 * 1.15 for size in sizes)
    assert all(size >= 12 for size in sizes[:-1])
    longest = [max(40, *sizes[:at]) for at in range(1, len(sizes))]
    assert all(size <= 2.3 * most for size, most in zip(sizes[1:], longest, strict=True))


@given(st.text("日本語カタ仮名ひらがな中文", max_size=400))
def test_text_without_spaces_is_cut_within_the_limits(text: str) -> None:
    clauses = _clauses(text)
    assert all(len(clause) <= 18 * 1.15 for clause in clauses[:1])
    assert all(len(clause) <= 60 * 1.15 for clause in clauses[1:])


def test_the_first_clause_after_a_flush_is_short_again() -> None:
    text = "word " * 40
    splitter = ClauseSplitter()
    for _ in range(2):
        found = splitter.feed(text) + splitter.flush()
        sizes = [len(part.text) for part in found if isinstance(part, Clause)]
        assert sizes[0] <= 40 < sizes[1]


def test_boundaries_say_what_ended_each_clause() -> None:
    text = (
        "First of all, we begin with a sentence. We go on\nwith a line\n\nand a paragraph\r\n\r\n"
        "and then " + "word " * 70 + "and an end"
    )
    assert _seen(text)[:5] == [
        ("First of all,", Boundary.CLAUSE),
        ("we begin with a sentence.", Boundary.SENTENCE),
        ("We go on", Boundary.SENTENCE),
        ("with a line", Boundary.PARAGRAPH),
        ("and a paragraph", Boundary.PARAGRAPH),
    ]
    assert {boundary for _, boundary in _seen(text)[5:-1]} == {Boundary.WORD}
    assert _seen(text)[-1][1] == Boundary.SENTENCE


def test_fragments_go_with_what_follows() -> None:
    assert _clauses("Hi. Oh, we did not expect you. No. Not at all, to be honest. Bye.") == [
        "Hi. Oh, we did not expect you.",
        "No. Not at all, to be honest.",
        "Bye.",
    ]


def test_fragments_do_not_go_past_a_line_or_a_pause() -> None:
    assert _clauses("Hi\nYes\n\nNo [pause:1] Bye") == ["Hi", "Yes", "No", "Bye"]


def test_list_items_and_table_rows_are_sentences() -> None:
    text = "- Milk\n* Eggs\n1. Bread\n2) Tea\n| a | b |\n|---|---|"
    assert _clauses(text) == text.split("\n")


@pytest.mark.parametrize(
    ("deltas", "certain_after"),
    [
        ([" Hel", "lo", " there", ",", " I", " am"], 4),
        (["Good", " morning", ".", " How"], 3),
        (["Good", " morning", "!", " ", "How"], 4),
        (["你好，今天", "很好", "。", "我"], 3),
        (["We", " sat", " down", "\n", "Then"], 4),
        (["We", " had", " a", " somewhat", " long", " walk", " through", " countryside", " x"], 8),
        (["Say", " it", " twice", " [pa", "use:", "1s]"], 5),
    ],
)  # fmt: skip
def test_a_clause_is_given_out_as_soon_as_its_end_is_certain(
    deltas: list[str], certain_after: int
) -> None:
    splitter = ClauseSplitter()
    found = [splitter.feed(delta) for delta in deltas]
    assert [bool(parts) for parts in found].index(True) == certain_after


@pytest.mark.parametrize("opener", ["[", "[pause:", "[a](", "[a](b(", "`"])
def test_what_may_become_a_link_is_not_waited_for_without_end(opener: str) -> None:
    splitter = ClauseSplitter()
    held = 0
    for _ in range(500):
        held += 5
        if splitter.feed("word "[: 5 if held > 5 else 0] or opener):
            break
    assert held < 2_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("[pause:0.5s]", 0.5),
        ("[pause: 500ms]", 0.5),
        ("[pause:1]", 1),
        ("[Pause: 2 S]", 2),
        ("[ PAUSE : .25s ]", 0.25),
        ("[pause:10s]", 10),
        ("[pause:0]", 0),
    ],
)
def test_pauses(text: str, seconds: float) -> None:
    before, pause, after = parts(f"One{text}two")
    assert isinstance(before, Clause)
    assert isinstance(after, Clause)
    assert pause == Pause(seconds, Span(3, 3 + len(text)))
    assert (before.text.text, after.text.text) == ("One", "two")
    assert after.text.span() == Span(3 + len(text), 6 + len(text))


@pytest.mark.parametrize(
    "text",
    ["[pause:x]", "[pause]", "[pause:-1]", "[pause:1.2.3]", "[pause:]", "[pause:1m]", "[pause:٣]",
     "[pauses:1]", "[pause:1", "`[pause:1]`", "[pause:.]"],
)  # fmt: skip
def test_what_is_no_pause_is_text(text: str) -> None:
    assert _clauses(text) == [text]


@pytest.mark.parametrize("text", ["[pause:10.01s]", "[pause:11]", "[pause:99999999999]"])
def test_a_pause_that_is_too_long_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="at most 10 seconds") as refusal:
        parts(f"One {text} two")
    assert refusal.value.param == "input"


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t \r\n", "\u00a0"])
def test_nothing_has_no_parts(text: str) -> None:
    assert parts(text) == []


def test_white_space_inside_a_clause_shrinks_to_one() -> None:
    (clause,) = parts("one \t   two")
    assert isinstance(clause, Clause)
    assert clause.text.text == "one two"
    assert clause.text.origins[-3:] == (Span(8, 9), Span(9, 10), Span(10, 11))
