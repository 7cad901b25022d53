"""Cuts text into the pieces that an engine speaks one after the other.

A piece is a sentence; one that is too long is cut at a clause, else between words, else anywhere.
Leaving two sentences together costs a moment, cutting one in two is heard: where a full stop may
be either, nothing is cut.
"""

import re
from collections.abc import Iterator

# Full stops after these end no sentence, whatever follows.
_ABBREVIATIONS = frozenset(
    {
        "adm", "al", "approx", "apt", "assoc", "ave", "blvd", "bros", "ca", "capt", "cf",
        "cmdr", "col", "corp", "dept", "dr", "ed", "eds", "e.g", "est", "esp", "fig", "figs",
        "fr", "ft", "gen", "gov", "hon", "hr", "i.e", "inc", "jr", "lt", "ltd", "maj", "messrs",
        "min", "misc", "mr", "mrs", "ms", "mt", "mx", "nr", "op", "prof", "pt", "rd", "rep",
        "rev", "sec", "sen", "sgt", "sr", "st", "ste", "tel", "viz", "vol", "vols", "vs",
    }
)  # fmt: skip
_ABBREVIATIONS_OF_NUMBERS = frozenset({"no", "nos", "p", "pp"})
_INITIALS = re.compile(r"(?:[^\W\d]\.)*[^\W\d]")
_LIST_NUMBER = re.compile(r"\d{1,3}")
_LONGEST_LOOK_BACK = 40

_CLOSERS = "\"'\u2019\u201d\u00bb)\\]}"
_BOUNDARY = re.compile(
    rf"""
    (?P<line> [\r\n\u2028\u2029] )
    | (?P<wide> [\u3002\uff01\uff1f\uff61]+ [{_CLOSERS}\u300d\u300f\uff09]* )
    | (?<![.!?\u2026\u061f\u0964\u0965])
      (?P<mark> [.!?\u2026\u061f\u0964\u0965]+ ) [{_CLOSERS}]* (?=\s|$) [^\S\r\n\u2028\u2029]*
    """,
    re.VERBOSE,
)
_CLAUSE_END = re.compile(r"[,;:)\u2013\u2014][\"'\u2019\u201d]?(?=\s)|[\u3001\uff0c\uff1b\uff1a]")
_SPACE = re.compile(r"\s+")


def pieces(text: str, max_chars: int) -> list[str]:
    """The pieces of `text`, stripped, none empty, none longer than `max_chars`.

    Joined they are `text`, but for white space.
    """
    return [piece for sentence in sentences(text) for piece in _within(sentence, max_chars)]


def sentences(text: str) -> list[str]:
    """The sentences of `text`, stripped, none empty; a line's end is always a sentence's."""
    found, start = [], 0
    for match in _BOUNDARY.finditer(text):
        if match["mark"] is None or _ends_sentence(text, start, match):
            found.append(text[start : match.end()].strip())
            start = match.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    follows = text[match.end() : match.end() + 1]
    if follows.islower():
        return False
    before = text[max(start, match.start() - _LONGEST_LOOK_BACK) : match.start()]
    return match["mark"] != "." or not _is_abbreviation(before, follows)


def _is_abbreviation(before: str, follows: str) -> bool:
    """Whether a full stop after `before` belongs to its last word."""
    words = before.rsplit(maxsplit=1)
    word = words[-1].lstrip("\"'(\u2018\u201c[") if words else ""
    if word.lower() in _ABBREVIATIONS:
        return True
    if word.lower() in _ABBREVIATIONS_OF_NUMBERS and follows.isdigit():
        return True
    if _INITIALS.fullmatch(word):
        return True
    return before.strip() == word and _LIST_NUMBER.fullmatch(word) is not None


def _within(sentence: str, max_chars: int) -> Iterator[str]:
    while len(sentence) > max_chars:
        end = _cut(sentence, max_chars)
        yield sentence[:end].rstrip()
        sentence = sentence[end:].lstrip()
    yield sentence


def _cut(sentence: str, max_chars: int) -> int:
    """Where to end a piece: at the last clause or word of the second half of what is allowed."""
    for pattern in (_CLAUSE_END, _SPACE):
        ends = [match.end() for match in pattern.finditer(sentence, max_chars // 2, max_chars)]
        if ends:
            return ends[-1]
    return max_chars
