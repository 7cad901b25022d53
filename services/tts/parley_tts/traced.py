"""Text that knows where in the caller's text each of its characters came from.

What is spoken is seldom what was written ("$5" is "five dollars"), but whoever asks when a word
was spoken means the word that they wrote. Every change of text that goes through here keeps the
way back.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` up to, and without, `end` of the caller's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Traced:
    """`text`, and for each of its characters the span of the caller's text that it stands for."""

    text: str
    origins: tuple[Span, ...]

    @classmethod
    def of(cls, text: str, start: int = 0) -> "Traced":
        """The caller's own text, the first of whose characters is their character `start`."""
        return cls(text, tuple(Span(at, at + 1) for at in range(start, start + len(text))))

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, part: slice) -> "Traced":
        return Traced(self.text[part], self.origins[part])

    def span(self) -> Span:
        """From the first to the last character that this came from.

        Raises:
            ValueError: there is no text.
        """
        if not self.origins:
            raise ValueError("an empty text came from nowhere")
        return Span(min(o.start for o in self.origins), max(o.end for o in self.origins))

    def strip(self) -> "Traced":
        kept = self.text.strip()
        start = self.text.index(kept) if kept else 0
        return self[start : start + len(kept)]

    def sub(self, pattern: re.Pattern[str], spoken: Callable[[re.Match[str]], str]) -> "Traced":
        """Replace every match by what `spoken` makes of it.

        All of a replacement stands for all that was matched, but for whole words that both have
        in common at their beginning and end: those stand for themselves. What is put between two
        characters stands for both.

        Raises:
            ValueError: something is put into an empty text, and stands for nothing.
        """
        texts: list[str] = []
        origins: list[Span] = []
        done = 0
        for match in pattern.finditer(self.text):
            new = spoken(match)
            if new == match[0]:
                continue
            head, tail = _common_words(match[0], new)
            start, end = match.start() + head, match.end() - tail
            middle = new[head : len(new) - tail]
            texts += (self.text[done:start], middle)
            origins += self.origins[done:start]
            origins += [self._origin(start, end)] * len(middle)
            done = end
        if not texts:
            return self
        return Traced("".join(texts) + self.text[done:], (*origins, *self.origins[done:]))

    def without(self, pattern: re.Pattern[str]) -> "Traced":
        """All but the matches."""
        return self.sub(pattern, lambda _: "")

    def keep(self, pattern: re.Pattern[str], group: str) -> "Traced":
        """Of every match only what the group matched."""
        parts, done = [], 0
        for match in pattern.finditer(self.text):
            parts += [self[done : match.start()], self[slice(*match.span(group))]]
            done = match.end()
        return joined([*parts, self[done:]]) if parts else self

    def split(self, pattern: re.Pattern[str]) -> tuple[list["Traced"], list["Traced"]]:
        """The parts before, between and after the matches, and the matches: one fewer."""
        between, matches, done = [], [], 0
        for match in pattern.finditer(self.text):
            between.append(self[done : match.start()])
            matches.append(self[match.start() : match.end()])
            done = match.end()
        return [*between, self[done:]], matches

    def _origin(self, start: int, end: int) -> Span:
        """What is put in place of these characters stands for; in between two for both."""
        if end - start == 1:
            return self.origins[start]
        return (self[start:end] if start < end else self[max(start - 1, 0) : end + 1]).span()

    def words(self) -> Iterator["Traced"]:
        """The parts between white space."""
        return (self[match.start() : match.end()] for match in _WORD.finditer(self.text))


def joined(parts: Sequence[Traced]) -> Traced:
    """One text out of several, nothing between them."""
    return Traced(
        "".join(part.text for part in parts),
        tuple(chain.from_iterable(part.origins for part in parts)),
    )


def _common_words(old: str, new: str) -> tuple[int, int]:
    """How many characters of whole words both begin with, and then both end with."""
    head = _common(old, new)
    while head and not (_is_edge(old, head) and _is_edge(new, head)):
        head -= 1
    rest, new_rest = old[head:][::-1], new[head:][::-1]
    tail = _common(rest, new_rest)
    while tail and not (_is_edge(rest, tail) and _is_edge(new_rest, tail)):
        tail -= 1
    return head, tail


def _common(one: str, other: str) -> int:
    at, end = 0, min(len(one), len(other))
    while at < end and one[at] == other[at]:
        at += 1
    return at


def _is_edge(text: str, at: int) -> bool:
    return at == len(text) or not (text[at - 1].isalnum() and text[at].isalnum())


_WORD = re.compile(r"\S+")
