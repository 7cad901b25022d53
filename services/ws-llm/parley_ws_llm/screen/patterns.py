"""The notation of the rule file, and the phrases of a sentence.

chest                  the word
{cant} breathe         any wording of the macro `cant`, then the word
[go|goes] to my jaw    either; brackets nest
[really]? hurts        with or without
# pills                any number, in digits or in words; #### is one of four digits
^ is                   at the beginning of a sentence
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from operator import attrgetter

from parley_kit.errors import KitError

_PART = re.compile(r"\s*(?:\[|\{(?P<macro>[^{}]*)\}|(?P<word>[^\s\[\]{}|?]+))(?P<rest>.*)")
_NUMBERS = frozenset(
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
     "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
     "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred",
     "dozen", "several")
)  # fmt: skip
_ANY_NUMBER = "#"
_ANY_YEAR = "####"
_OTHER_NUMBER, _OTHER_YEAR = "0", "0000"
_BEGIN = "^"

Macros = Mapping[str, Sequence[str]]


class PatternError(KitError):
    """The rule file is wrong; the message names what."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A phrase of the rule file in a sentence: the words from `start` up to `end`."""

    concepts: frozenset[str]
    start: int
    end: int


@dataclass(eq=False, slots=True)
class _Node:
    """A place inside one pattern: the words that lead on, and what was said if it ends here."""

    after: "dict[str, list[_Node]]" = field(default_factory=dict)
    concepts: set[str] = field(default_factory=set)


class _Place:
    """The places that a sentence has reached in all patterns; each is worked out once."""

    __slots__ = ("_after", "_nodes", "concepts")

    def __init__(self, nodes: frozenset[_Node]) -> None:
        self._nodes = nodes
        self._after: dict[str, _Place | None] = {}
        self.concepts = frozenset[str]().union(*(node.concepts for node in nodes))

    def after(self, word: str) -> "_Place | None":
        """
        Args:
            word: one of the vocabulary, which bounds what is kept here.
        """
        if word not in self._after:
            nodes = frozenset(chain.from_iterable(map(partial(_after, word), self._nodes)))
            self._after[word] = _Place(nodes) if nodes else None
        return self._after[word]


def _after(word: str, node: _Node) -> Iterator[_Node]:
    yield from node.after.get(word, ())
    if word[0].isdigit() or word in _NUMBERS:
        yield from node.after.get(_ANY_NUMBER, ())
    if word == _OTHER_YEAR:
        yield from node.after.get(_ANY_YEAR, ())


class Phrasebook:
    """Finds phrases: the longest at each place, and what is inside it.

    Args:
        opaque: concepts that hide what is inside their phrases, and that are not seen inside
            others': "no idea" denies nothing.
    """

    def __init__(self, macros: Macros, opaque: frozenset[str]) -> None:
        self._macros = macros
        self._opaque = opaque
        self._root = _Node()
        self._begin = _Place(frozenset({self._root}))
        self.vocabulary = {_BEGIN, *_NUMBERS}

    def add(self, pattern: str, concept: str) -> None:
        """
        Raises:
            PatternError: an unknown macro, or brackets that do not match.
        """
        for node in self._grow([self._root], pattern):
            if node is self._root:
                raise PatternError(
                    f"The pattern '{pattern}' of '{concept}' matches nothing at all."
                )
            node.concepts.add(concept)

    def prepare(self) -> None:
        """Work out the first steps now, and not while somebody waits."""
        for word in self.vocabulary:
            self._begin.after(word)

    def marks(self, words: Sequence[str]) -> Iterator[Mark]:
        """The phrases of a sentence, from left to right, each before those inside it."""
        known = [_BEGIN, *map(self._known, words)]
        start = 0
        while start < len(known):
            mark = max(self._from(known, start), key=attrgetter("end"), default=None)
            if mark is None:
                start += 1
                continue
            yield mark
            if not mark.concepts & self._opaque:
                yield from self._inside(known[: mark.end], mark)
            start = mark.end

    def _inside(self, words: Sequence[str | None], outer: Mark) -> Iterator[Mark]:
        for start in range(outer.start, outer.end):
            for mark in self._from(words, start):
                if not mark.concepts & self._opaque and mark.concepts - outer.concepts:
                    yield mark

    def _from(self, words: Sequence[str | None], start: int) -> Iterator[Mark]:
        """The phrases that begin at `start`."""
        place = self._begin
        for at in range(start, len(words)):
            word = words[at]
            after = None if word is None else place.after(word)
            if after is None:
                return
            place = after
            if place.concepts:
                yield Mark(place.concepts, start, at + 1)

    def _known(self, word: str) -> str | None:
        """The word as patterns spell it; None if it is in none of them."""
        if word in self.vocabulary:
            return word
        if not word[0].isdigit():
            return None
        return _OTHER_YEAR if word.isdigit() and len(word) == len(_ANY_YEAR) else _OTHER_NUMBER

    def _grow(self, nodes: list[_Node], pattern: str) -> list[_Node]:
        """The nodes that the pattern leads to from `nodes`."""
        while part := _PART.fullmatch(pattern):
            word, macro, pattern = part["word"], part["macro"], part["rest"]
            if word is not None:
                ends = [self._word(nodes, word)]
            elif macro is not None:
                ends = self._either(nodes, self._wordings(macro))
            else:
                inside, pattern = _bracket(pattern)
                ends = self._either(nodes, _alternatives(inside))
            optional = pattern.startswith("?")
            nodes, pattern = ends + nodes if optional else ends, pattern.removeprefix("?")
        if pattern.strip():
            raise PatternError(f"'{pattern}' cannot be read.")
        return nodes

    def _word(self, nodes: Iterable[_Node], word: str) -> _Node:
        self.vocabulary.add(word)
        end = _Node()
        for node in nodes:
            node.after.setdefault(word, []).append(end)
        return end

    def _either(self, nodes: list[_Node], choices: Iterable[str]) -> list[_Node]:
        return [end for choice in choices for end in self._grow(nodes, choice)]

    def _wordings(self, macro: str) -> Sequence[str]:
        if macro not in self._macros:
            raise PatternError(f"There are no words '{macro}'.")
        return self._macros[macro]


def _bracket(pattern: str) -> tuple[str, str]:
    """What is inside a bracket that has just been opened, and what comes after it."""
    depth = 1
    for at, letter in enumerate(pattern):
        depth += (letter == "[") - (letter == "]")
        if not depth:
            return pattern[:at], pattern[at + 1 :]
    raise PatternError(f"'[{pattern}' has a bracket that does not close.")


def _alternatives(inside: str) -> list[str]:
    """The choices in a bracket; those of brackets inside it are not its own."""
    choices, depth = [""], 0
    for letter in inside:
        depth += (letter == "[") - (letter == "]")
        if letter == "|" and not depth:
            choices.append("")
        else:
            choices[-1] += letter
    return choices
