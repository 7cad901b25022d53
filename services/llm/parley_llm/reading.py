"""What a sentence says that an argument or a field could be: a number, one of several choices."""

import re
from collections.abc import Sequence

from parley_llm.script import stem, stems_of, words

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_NUMBER_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip


def mentioned(options: Sequence[object], text: str) -> object:
    """The first of the options whose words all occur, or None."""
    said = {stem(word) for word in words(text)}
    return next((o for o in options if isinstance(o, str) and _occurs(o, said)), None)


def _occurs(option: str, said: set[str]) -> bool:
    stems = stems_of(words(option))
    return bool(stems) and stems <= said


def number_in(text: str) -> float | None:
    """The first number, in figures or as a word up to twelve."""
    match = _NUMBER.search(text)
    if match:
        number = float(match.group())
        return int(number) if number == int(number) else number
    return next((_NUMBER_WORDS[word] for word in words(text) if word in _NUMBER_WORDS), None)
