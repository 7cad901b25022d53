"""From the places in a text that an engine reports while it speaks to the caller's words."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from parley_tts.engine import TimedWord
from parley_tts.traced import Span, Traced

_SAID_PUNCTUATION = frozenset("%&@#")


@dataclass(frozen=True, slots=True)
class Mark:
    """When what begins at character `at` of the spoken text is spoken, in seconds."""

    at: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _Unit:
    """A word of the spoken text, and when it is spoken, if the engine said so."""

    text: Traced
    times: tuple[float, float] | None

    @property
    def letters(self) -> int:
        return sum(char.isalnum() for char in self.text.text)


def timed_words(text: Traced, marks: Sequence[Mark]) -> tuple[TimedWord, ...]:
    """The words of `text` with their times, in the order in which they are spoken.

    Engines report no word of its own for some that they run together ("of the"): these share the
    time of the one before them by their letters. Words that come from one place of the caller's
    text are one.
    """
    units = [unit for unit in _units(text, marks) if unit.times or unit.letters]
    return _merged([word for group in _groups(units) for word in _shared(group)])


def _units(text: Traced, marks: Sequence[Mark]) -> Iterator[_Unit]:
    done = 0
    for start, end in _word_bounds(text.text, {mark.at for mark in marks}):
        inside = [mark for mark in marks if done <= mark.at < end]
        done = end
        first = min((mark.start_s for mark in inside), default=0.0)
        last = max((mark.end_s for mark in inside), default=0.0)
        yield _Unit(_core(text[start:end]), (first, last) if inside else None)


def _word_bounds(text: str, marked: set[int]) -> Iterator[tuple[int, int]]:
    """Words are what is between spaces, but in scripts that write none what the engine marks."""
    start = None
    for at, char in enumerate(text + " "):
        ends = char.isspace() or (at in marked and unicodedata.category(char) == "Lo")
        if start is not None and ends:
            yield start, at
            start = None
        if start is None and not char.isspace():
            start = at


def _core(word: Traced) -> Traced:
    """`word` without the punctuation around it; all of it, if there is nothing else."""
    said = [at for at, char in enumerate(word.text) if not _is_punctuation(char)]
    return word[said[0] : said[-1] + 1] if said else word


def _is_punctuation(char: str) -> bool:
    category = unicodedata.category(char)
    return (category[0] == "P" and char not in _SAID_PUNCTUATION) or category == "Sk"


def _groups(units: Sequence[_Unit]) -> Iterator[list[_Unit]]:
    """Units that share one time: one that has it, and those after it (or first of all) without."""
    group: list[_Unit] = []
    for unit in units:
        if unit.times and any(other.times for other in group):
            yield group
            group = []
        group.append(unit)
    if any(unit.times for unit in group):
        yield group


def _shared(group: Sequence[_Unit]) -> Iterator[TimedWord]:
    start, end = next(unit.times for unit in group if unit.times)
    letters = sum(max(unit.letters, 1) for unit in group)
    for unit in group:
        until = start + (end - start) * max(unit.letters, 1) / letters
        letters -= max(unit.letters, 1)
        yield TimedWord(unit.text.span(), start, until)
        start = until


def _merged(words: Sequence[TimedWord]) -> tuple[TimedWord, ...]:
    merged: list[TimedWord] = []
    for word in words:
        if merged and _overlap(merged[-1].span, word.span):
            merged[-1] = _joined(merged[-1], word)
        else:
            begun = merged[-1].end_s if merged else 0.0
            start = max(word.start_s, begun)
            merged.append(replace(word, start_s=start, end_s=max(word.end_s, start)))
    return tuple(merged)


def _joined(one: TimedWord, other: TimedWord) -> TimedWord:
    span = Span(min(one.span.start, other.span.start), max(one.span.end, other.span.end))
    return TimedWord(span, one.start_s, max(one.end_s, other.end_s))


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end
