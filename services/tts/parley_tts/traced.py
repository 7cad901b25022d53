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

        All of a replacement stands for all that was matched, but for what both have in common at
        their beginning and end: that stands for itself.
        """
        parts, done = [], 0
        for match in pattern.finditer(self.text):
            parts += [self[done : match.start()], self._replaced(match, spoken(match))]
            done = match.end()
        return joined([*parts, self[done:]]) if parts else self

    def _replaced(self, match: re.Match[str], text: str) -> "Traced":
        old = self[match.start() : match.end()]
        head = _common(old.text, text)
        tail = _common(old.text[head:][::-1], text[head:][::-1])
        changed = old[head : len(old) - tail]
        new = text[head : len(text) - tail]
        whole = changed if changed.text else old
        # An insertion between characters stands for its neighbours, for want of anything better.
        middle = Traced(new, (whole.span(),) * len(new)) if new and whole.text else _EMPTY
        return joined([old[:head], middle, old[len(old) - tail :]])

    def words(self) -> Iterator["Traced"]:
        """The parts between white space."""
        return (self[match.start() : match.end()] for match in _WORD.finditer(self.text))


def joined(parts: Sequence[Traced]) -> Traced:
    """One text out of several, nothing between them."""
    return Traced(
        "".join(part.text for part in parts),
        tuple(chain.from_iterable(part.origins for part in parts)),
    )


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    differ = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differ, min(len(one), len(other)))


_WORD = re.compile(r"\S+")
_EMPTY = Traced("", ())
