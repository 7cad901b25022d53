"""What is written becomes what is said, and the way back is kept."""

# ruff: noqa: RUF001  sounds are written with what looks like other characters

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.normalising import normalised, without_pronunciations
from parley_tts.traced import Span, Traced

HERE = Path(__file__).parent
LANGUAGES = ["en-US", "en-GB", "es", "fr", "it", "pt-BR", "de", "hi", "ja", "zh", "sw", ""]
SIGNS = "*_`~[]()<>#|-\\!&;:/.@+$€%°' \n0123456789"
MARKUP = st.sampled_from([*SIGNS, "](/", "ə/)", "a1", "😀"])
TEXTS = st.text(st.characters(exclude_categories=())) | st.lists(MARKUP).map("".join)


def said(text: str, language: str = "en-US") -> str:
    return normalised(Traced.of(text), language).text


def cases(file: str) -> list[tuple[str, str, str]]:
    return list(lines(file))


def lines(file: str) -> Iterator[tuple[str, str, str]]:
    heading = ""
    for line in (HERE / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        written, arrow, spoken = line.partition(" => ")
        if arrow:
            yield heading, written, spoken


@pytest.mark.parametrize(("heading", "written", "spoken"), cases("normalising_en.txt"))
def test_english_is_spoken_as_it_is_meant(heading: str, written: str, spoken: str) -> None:
    assert said(written) == spoken, heading


@pytest.mark.parametrize(("language", "written", "spoken"), cases("normalising_others.txt"))
def test_other_languages_have_their_own_words(language: str, written: str, spoken: str) -> None:
    assert said(written, language) == spoken


def test_english_outside_america_puts_the_day_first() -> None:
    assert said("3/5/2024", "en-GB") == "the third of May, twenty twenty-four"
    assert said("2024-03-05", "en-GB") == "the fifth of March, twenty twenty-four"


@pytest.mark.parametrize(
    ("text", "word", "origin"),
    [
        ("It costs $5 now", "dollars", "$5"),
        ("It costs $5 now", "now", "now"),
        ("It costs $5 now", "five", "$5"),
        ("Dr. Who", "Doctor", "Dr."),
        ("on March 5th", "fifth", "5th"),
        ("on March 5th", "March", "March"),
        ("see [the manual](https://example.com) today", "manual", "manual"),
        ("see [the manual](https://example.com) today", "today", "today"),
        ("a **bold** move", "bold", "bold"),
        ("hi 😀 there", "there", "there"),
        ("mail a@b.com now", "at", "@b."),
        ("mail a@b.com now", "now", "now"),
    ],
)
def test_a_spoken_word_leads_back_to_the_written_one(text: str, word: str, origin: str) -> None:
    words = {each.text: each.span() for each in normalised(Traced.of(text), "en-US").words()}
    assert text[words[word].start : words[word].end] == origin


def test_lists_and_headings_are_told_apart() -> None:
    assert said("# Plan\n- milk\n- two eggs") == "Plan.\nmilk.\ntwo eggs"
    assert said("| a | b |\n|---|---|\n| c | d |").split() == ["a,", "b.", "c,", "d"]


def test_sounds_can_be_left_out_for_engines_that_do_not_read_them() -> None:
    text = normalised(Traced.of("[Kokoro](/kˈOkəɹO/) and [stress](+1)!"), "en-US")
    assert without_pronunciations(text).text == "Kokoro and stress!"
    assert next(without_pronunciations(text).words()).span() == Span(1, 7)


@given(TEXTS, st.sampled_from(LANGUAGES))
def test_any_text_can_be_normalised(text: str, language: str) -> None:
    result = normalised(Traced.of(text, start=7), language)
    assert len(result.origins) == len(result.text)
    assert result.text == result.text.strip()
    assert "\0" not in result.text
    assert_origins_in_order(result, Span(7, 7 + len(text)))


def assert_origins_in_order(result: Traced, whole: Span) -> None:
    assert all(whole.start <= o.start < o.end <= whole.end for o in result.origins)
    assert [o.start for o in result.origins] == sorted(o.start for o in result.origins)
    assert [o.end for o in result.origins] == sorted(o.end for o in result.origins)


@given(TEXTS)
def test_english_has_no_digits_left(text: str) -> None:
    given_sounds = re.compile(r"\[[^\[\]\n]+\]\([^()\n]+\)")
    assert not re.search(r"\d", given_sounds.sub("", said(text)))


@given(st.lists(st.from_regex(r"[a-z]{2,9}[,.]?", fullmatch=True), min_size=1).map(" ".join))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert said(text, "sw") == text
    assert all(
        word.text == text[word.span().start : word.span().end] for word in Traced.of(text).words()
    )


@pytest.mark.parametrize("written", [written for _, written, _ in cases("normalising_en.txt")])
def test_what_has_been_normalised_stays_as_it_is(written: str) -> None:
    assert said(said(written)) == said(written)


PARTS = r"""
1 1, 1. 1.1 1/ 1- 1: 12:30 $ $1 1,111 1,11 - -- +1 (1) ( [ [] []( [a]( ![ ]( a. . @ a@ a@a. http://
www. a/ / * ** _ a_ ` ~ < <a & &a &# # | > ! ? !? … a A 中 😀 [a](/ə <!-- 1x 1½ 1h 50- e.g. v1. XI
=1 ^2 1% 1kg $1. 1e a.a a-a- 9/ (1 +1- 1° \\ 1' [1] {} ;; ,,
"""
SPACED = [
    " ",
    "\t",
    "\n",
    " \n",
    "1 ",
    "a ",
    "- ",
    "# ",
    "| ",
    "<a ",
    "1 1/2 ",
    "5 to ",
    "May ",
    "\u200d",
]
SEVERE = ["1", "1.", "[", "[a](", ".", "a@", "@", " ", "/", "(1"]


@pytest.mark.parametrize("language", ["en-US", "fr"])
def test_time_grows_with_the_text_and_not_faster(language: str) -> None:
    for part in [*PARTS.split(), *SPACED]:
        assert slowdown(part, 200, 2_000, language) < 30, part


@pytest.mark.parametrize("part", SEVERE)
def test_a_hundred_thousand_hostile_characters_are_no_attack(part: str) -> None:
    assert slowdown(part, 10_000, 100_000, "en-US") < 25


def slowdown(part: str, size: int, more: int, language: str) -> float:
    """How many times as long the longer text takes; the best of two, for others work here too."""
    short, long = (min(seconds(part, n, language) for _ in range(2)) for n in (size, more))
    return long / max(short, 0.001)


def seconds(part: str, size: int, language: str) -> float:
    text = Traced.of((part * size)[:size])
    start = time.process_time()
    normalised(text, language)
    return time.process_time() - start
