"""What has been read and not yet been given out, and the places where it can be cut.

A place is judged by what is on both sides of it, so never before what follows is known. All
decisions are taken where a word begins or has become a long one: never by how the text happened
to be torn apart on its way here.
"""

from dataclasses import dataclass

from parley_tts.clauses.breaks import (
    LOOK_BACK,
    Break,
    between_words,
    line_break,
    newlines,
    spaced,
    touching,
)
from parley_tts.clauses.parts import Clause
from parley_tts.clauses.scripts import inseparable, wide_count
from parley_tts.clauses.words import LONGEST
from parley_tts.traced import Span, Traced

LONGEST_CLAUSE = 2_000
"""No clause has more characters: past this even a word is cut."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to say: letters, and characters that stand for a syllable or more."""

    letters: int
    wide: int

    @classmethod
    def measured(cls, text: str) -> "Size":
        wide = wide_count(text)
        return cls(len(text) - wide, wide)

    def __add__(self, other: "Size") -> "Size":
        return Size(self.letters + other.letters, self.wide + other.wide)

    def __sub__(self, other: "Size") -> "Size":
        return Size(self.letters - other.letters, self.wide - other.wide)

    def share(self, limit: "Size") -> float:
        """Of a limit, which is so many letters or so many wide characters."""
        return self.letters / limit.letters + self.wide / limit.wide


ENOUGH = Size(12, 5)
"""Less is a fragment, and goes with what follows."""
WORTH_A_CUT = Size(24, 10)
"""After the first clause, less than this does not end at a comma."""
SHORTEST_LIMIT, LONGEST_LIMIT = Size(40, 16), Size(250, 60)
"""Of the first clause, and of any. A clause is made while those before it are played: its limit
is at most `GROWTH` times the longest of them. A text without spaces is cut in the midst of words
where it has no marks, which is worse."""
GROWTH = 1.4
_SLACK = 1.15
_EARLIEST_MARK = 0.25
_EARLIEST_WORD = 0.45


@dataclass(frozen=True, slots=True)
class Place:
    """Where the text can be cut: after `end` characters, leaving out the `gap` that follow."""

    end: int
    gap: int
    size: Size
    kind: Break


class Draft:
    """The text since the last cut; positions and sizes of places count from the first one."""

    def __init__(self) -> None:
        self.cut: list[Clause] = []
        """Clauses that are certain; whoever takes them clears the list."""
        self._text = ""
        self._origins: list[int] = []
        self._start = 0
        self._size = self._size_at_start = Size(0, 0)
        self._word = 0
        self._gap = ""
        self._gap_at = 0
        self._lines = ""
        self._places: list[Place] = []
        self._unjudged: Place | None = None
        self._limit = SHORTEST_LIMIT
        self._is_first = True

    def space(self, space: str, at: int) -> None:
        """Take white space that is character `at` and the following of the caller's text."""
        if not self._text:
            return
        if not self._gap:
            self._gap, self._gap_at = space[0], at
        self._lines = (self._lines + newlines(space))[:4]

    def word(self, text: str, said: str, at: int) -> None:
        """Take a word, or the next part of one, of which `said` is heard."""
        if self._text:
            self._meet(text[0])
        if self._gap:
            self._append(self._gap, Size(1, 0), self._gap_at)
        self._gap = self._lines = ""
        self._append(text, Size.measured(said), at)
        if self._start + len(self._text) - self._word > LONGEST:
            self._judge()
            self._press(self._size)
        while len(self._text) > LONGEST_CLAUSE:
            self._cut_anywhere()

    def finish(self) -> None:
        """Cut off all there is."""
        if self._text:
            self._judge()
            self._offer(self._place(line_break(self._lines) or Break.LINE))

    def _append(self, text: str, size: Size, at: int) -> None:
        self._text += text
        self._origins.extend(range(at, at + len(text)))
        self._size += size

    def _meet(self, following: str) -> None:
        """Find out about the place between what there is and `following`."""
        near = self._text[-LOOK_BACK:]
        kind = touching(near, following)
        if self._gap:
            kind = line_break(self._lines) or spaced(near, self._gap, following)
        elif kind is None:
            return
        self._judge()
        place = self._place(kind or Break.WORD)
        self._word = place.end + place.gap
        if kind is None:
            self._press(place.size)
            self._unjudged = place
        elif kind > Break.GLUE:
            self._offer(place)

    def _place(self, kind: Break) -> Place:
        return Place(self._start + len(self._text), len(self._gap), self._size, kind)

    def _judge(self) -> None:
        """Judge the place before the last word by that word, of which there will be no more."""
        place, self._unjudged = self._unjudged, None
        if place is None:
            return
        end = place.end - self._start
        word = self._text[end + place.gap :][: LONGEST + 1]
        kind = between_words(self._text[max(0, end - LOOK_BACK) : end], word)
        if kind > Break.GLUE:
            self._offer(Place(place.end, place.gap, place.size, kind))

    def _offer(self, place: Place) -> None:
        ends = self._ends(place)
        self._press(place.size, _SLACK if ends else 1.0)
        if self._ends(place) or self._share(place.size) > 1:
            self._cut(place)
        else:
            self._places.append(place)

    def _press(self, size: Size, allowed: float = 1.0) -> None:
        """Cut as long as there is too much before `size`, and a place to cut."""
        while self._share(size) > allowed and (place := self._best()):
            self._cut(place)

    def _share(self, size: Size) -> float:
        return (size - self._size_at_start).share(self._limit)

    def _has(self, least: Size, place: Place) -> bool:
        return (place.size - self._size_at_start).share(least) >= 1

    def _ends(self, place: Place) -> bool:
        """Whether the clause ends here, however much there is."""
        if place.kind >= Break.LINE:
            return True
        if place.kind == Break.CLAUSE:
            return self._has(ENOUGH if self._is_first else WORTH_A_CUT, place)
        return place.kind == Break.SENTENCE and self._has(ENOUGH, place)

    def _best(self) -> Place | None:
        """Of the places that leave no fragment the best, and of the best the last."""
        usable = [place for place in self._places if self._has(ENOUGH, place)]
        late = [place for place in usable if self._is_late(place)]
        return max(late or usable, key=lambda place: (place.kind, place.end), default=None)

    def _is_late(self, place: Place) -> bool:
        earliest = _EARLIEST_MARK if place.kind >= Break.CLAUSE else _EARLIEST_WORD
        return self._share(place.size) >= earliest

    def _cut(self, place: Place) -> None:
        self._give_out(place)
        later = [other for other in self._places if other.end > place.end]
        self._places = []
        for other in later:
            self._offer(other)

    def _cut_anywhere(self) -> None:
        """Cut a word without end; not between a letter and its marks unless those have no end."""
        end = LONGEST_CLAUSE
        while end > LONGEST_CLAUSE - LOOK_BACK and inseparable(*self._text[end - 1 : end + 1]):
            end -= 1
        head = self._text[:end].rstrip()
        gap = len(self._text) - len(head) - len(self._text[len(head) :].lstrip())
        rest = self._text[len(head) + gap :]
        size = self._size - Size.measured(rest)
        self._cut(Place(self._start + len(head), gap, size, Break.WORD))

    def _give_out(self, place: Place) -> None:
        length = place.end - self._start
        origins = tuple(Span(at, at + 1) for at in self._origins[:length])
        self.cut.append(Clause(Traced(self._text[:length], origins), place.kind.boundary))
        self._text = self._text[length + place.gap :]
        del self._origins[: length + place.gap]
        self._start += length + place.gap
        self._limit = _grown(self._limit, place.size - self._size_at_start)
        self._size_at_start = place.size + Size(place.gap, 0)
        self._is_first = False
        if not self._text:
            self._gap = self._lines = ""


def _grown(limit: Size, clause: Size) -> Size:
    """The limit after a clause."""
    letters = round(GROWTH * clause.share(SHORTEST_LIMIT) * SHORTEST_LIMIT.letters)
    return Size(min(max(limit.letters, letters), LONGEST_LIMIT.letters), LONGEST_LIMIT.wide)
