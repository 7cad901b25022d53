"""How good a place is to cut text, by what is on both sides of it."""

import re
from enum import IntEnum

from parley_tts.clauses import words
from parley_tts.clauses.parts import Boundary
from parley_tts.clauses.scripts import (
    begins_phrase,
    bound,
    has_phrase_spaces,
    inseparable,
    is_unspaced,
)


class Break(IntEnum):
    """The higher, the better a place to cut."""

    GLUE = 0
    """Never, unless there is no end to it."""
    TIGHT = 1
    """Inside a phrase ("the | dog"), or between characters of a script without spaces."""
    WORD = 2
    PHRASE = 3
    """Before "and", "in", "which"."""
    CLAUSE = 4
    SENTENCE = 5
    LINE = 6
    PARAGRAPH = 7

    @property
    def boundary(self) -> Boundary:
        return _BOUNDARIES.get(self, Boundary.WORD)


_BOUNDARIES = {
    Break.CLAUSE: Boundary.CLAUSE,
    Break.SENTENCE: Boundary.SENTENCE,
    Break.LINE: Boundary.SENTENCE,
    Break.PARAGRAPH: Boundary.PARAGRAPH,
}

LOOK_BACK = 64
"""More of the text before a place is not looked at."""

_OPENERS = (
    "\"'([{<*_~\u2018\u201c\u201e\u201a\u00ab\u2039\u00bf\u00a1\u300c\u300e\uff08\u3010\u300a\u3008"
)
_CLOSERS = "\"')\\]}>*_~\u2019\u201d\u00bb\u203a\u300d\u300f\uff09\u3011\u300b\u3009"
_SENTENCE_MARKS = (
    "!?\u203d\u061f\u06d4\u0964\u0965\u037e\u0589\u1362\u1367\u1368\u104b\u17d4\u17d5"
    "\u3002\uff01\uff1f\uff0e\uff61"
)
_CLAUSE_MARKS = (
    ",;:\u2014\u2013\u060c\u061b\u0387\u00b7\u055d\u1363\u1364\u1365\u104a"
    "\u3001\uff0c\uff1b\uff1a\uff64\ufe50"
)
_ENDING = re.compile(rf"(?P<mark>[.\u2026{_SENTENCE_MARKS}{_CLAUSE_MARKS}]+)[{_CLOSERS}]*\Z")
_ELLIPSIS = re.compile(r"\.{2,}|\u2026")
_BELONGS_BEFORE = frozenset(")]}%\u00bb\u203a\u201d.\u2026" + _SENTENCE_MARKS + _CLAUSE_MARKS) - {
    "\u2013",
    "\u2014",
}
_NEVER_FIRST = frozenset(_CLOSERS.replace("\\", "") + ".\u2026" + _SENTENCE_MARKS + _CLAUSE_MARKS)
_NO_BREAK_SPACES = frozenset("\u00a0\u202f\u2007")
_NEWLINE = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_BULLET = re.compile(r"[-*+\u2022\u2013\u2014>|]|\#{1,6}|\d{1,3}[.)]|[^\W\d_][.)]")
_HYPHENS = frozenset({"-", "--"})
_LONG_DASHES = frozenset("\u2013\u2014")
_QUOTES_AND_BRACKETS = frozenset('"([{\u201c\u201e\u00ab\u2039')
_INITIAL = re.compile(r"[^\W\d_]")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th)?,")
_ORDINAL = re.compile(r"\d{1,2}\.")
_GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")


def newlines(space: str) -> str:
    """What of white space says how many lines it ends: at most the first four characters of it."""
    return "".join(char for char in space if _NEWLINE.match(char))[:4]


def line_break(ends: str) -> Break | None:
    """The break that `newlines` make."""
    lines = len(_NEWLINE.findall(ends))
    return None if not lines else Break.LINE if lines == 1 else Break.PARAGRAPH


def touching(text: str, following: str) -> Break | None:
    """The place between `text` and the character right after it; None: it is no place."""
    last = text[-1]
    if not (is_unspaced(last) or is_unspaced(following) or last in "\u2014\u200b"):
        return None
    if following in _NEVER_FIRST or inseparable(last, following):
        return None
    ending = _ENDING.search(text)
    if ending is not None:
        return _unspaced_mark(text, ending, following)
    if last in _OPENERS or bound(last, following):
        return None
    return Break.WORD if begins_phrase(last, following) else Break.TIGHT


def _unspaced_mark(text: str, ending: re.Match[str], following: str) -> Break | None:
    if ending["mark"][-1] in _SENTENCE_MARKS:
        return Break.CLAUSE if following.islower() else Break.SENTENCE
    opens = text[-1] in _OPENERS or (text[-1] in _LONG_DASHES and not text[:-1].strip(" "))
    return None if opens or text[-2:-1].isspace() else Break.CLAUSE


def spaced(text: str, space: str, following: str) -> Break | None:
    """The place at white space between `text` and `following`, as far as marks tell.

    Args:
        text: the end of what has been read, from where it was last cut if that is near enough.
        space: its first character.
        following: the character after it.

    Returns:
        None if it depends on the words: see `between_words`.
    """
    if space in _NO_BREAK_SPACES or following in _BELONGS_BEFORE or _BULLET.fullmatch(text):
        return Break.GLUE
    if following in _LONG_DASHES:
        return Break.GLUE if text[-1].isdigit() else Break.CLAUSE
    if has_phrase_spaces(text[-1]) and has_phrase_spaces(following):
        return Break.CLAUSE
    ending = _ENDING.search(text)
    if ending is None:
        return _unmarked(text, following)
    mark = ending["mark"]
    if _last_word(text) in _LONG_DASHES:
        return Break.GLUE
    if mark == ".":
        return _full_stop(text[: ending.start()], following)
    if _ELLIPSIS.search(mark):
        return Break.CLAUSE if following.islower() else Break.SENTENCE
    if mark == ";" and _GREEK.match(text[: ending.start()][-1:]):
        return Break.SENTENCE
    if any(char in _SENTENCE_MARKS or char == "." for char in mark):
        return Break.CLAUSE if following.islower() else Break.SENTENCE
    return _comma(text, following)


def _unmarked(text: str, following: str) -> Break | None:
    word = _last_word(text)
    if word in _HYPHENS:
        return Break.GLUE if following.isdigit() else Break.CLAUSE
    if word[-1:] == ")" and not following.isdigit():
        return Break.CLAUSE
    if following in _QUOTES_AND_BRACKETS or word == "|":
        return Break.PHRASE
    return None


def _comma(text: str, following: str) -> Break:
    """At a comma or the like; that of "March 5, 2024" ends nothing."""
    if following.isdigit() and _DAY.fullmatch(_last_word(text)):
        before = text.split()[-2:-1]
        if before and bare(before[0]) in words.MONTHS:
            return Break.GLUE
    return Break.CLAUSE


def _full_stop(text: str, following: str) -> Break | None:
    """At one full stop after `text`."""
    word = _last_word(text).lstrip(_OPENERS)
    name = word.lower()
    if name in words.NUMBERED and following.isdigit():
        return Break.GLUE
    if name in words.TITLES or (_INITIAL.fullmatch(word) and _is_initial(text, word)):
        return Break.GLUE
    if name in words.ABBREVIATIONS or _INITIALS.fullmatch(word) or _ORDINAL.fullmatch(word + "."):
        return None
    return Break.CLAUSE if following.islower() else Break.SENTENCE


def _is_initial(text: str, letter: str) -> bool:
    """Whether a full stop after one letter is that of an initial; "so do I" ends in none."""
    return letter != "I" or text == letter


def between_words(text: str, word: str) -> Break:
    """The place between the end of `text` and the whole word after it, when marks do not tell."""
    before, after = bare(_last_word(text)), bare(word)
    numbers = before[-1:].isdigit(), after[:1].isdigit()
    if all(numbers) or (numbers[0] and after in words.UNITS | words.MONTHS):
        return Break.GLUE
    if numbers[1] and before in words.MONTHS:
        return Break.GLUE
    if _ORDINAL.fullmatch(_last_word(text)):
        return Break.CLAUSE if word[:1].islower() else Break.SENTENCE
    if before in words.DETERMINERS or before in words.CONNECTIVES:
        return Break.TIGHT
    if after == "of" or (numbers[0] and after in words.BETWEEN_NUMBERS):
        return Break.TIGHT
    if after in words.CONNECTIVES:
        return Break.PHRASE
    return Break.TIGHT if any(numbers) else Break.WORD


def bare(word: str) -> str:
    """A word as the tables have it."""
    return word.strip(_OPENERS + _CLOSERS + ".,;:!?\u2026").lower().replace("\u2019", "'")


def _last_word(text: str) -> str:
    parts = text.rsplit(maxsplit=1)
    return parts[-1] if parts else ""
