"""Which speech gets the next chunk, and how much of it that chunk says. Pure.

First audio first: a caller who has heard nothing yet goes before all who have, in the order of
arrival. Among those who have, the one goes first who will be the first to have nothing left to
play: a player starts when the first chunk is there and needs each next one before the one before
has ended, so that moment is the deadline.

The first chunk is one phrase, because somebody waits for it. Later ones are longer, since speech
sounds better in long breaths, but never so long that its caller or another one would run dry
while it is made: what the caller has still to play is the time there is, shared with all who
speak. With time to spare, each is at most twice as long as the one before.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, takewhile
from typing import Generic, TypeVar

from parley_tts.clauses import Boundary

P = TypeVar("P")

_GROWTH = 2
_SMOOTHING = 0.2
# Chunks that wait for a caller who reads slower than they are made.
_MOST_UNREAD = 2


@dataclass(frozen=True, slots=True)
class Piece(Generic[P]):
    """The least that can be spoken: a phrase, its size in the engine's unit, and how it ends."""

    content: P
    size: int
    boundary: Boundary = Boundary.CLAUSE
    alone: bool = False
    """Whether it is never spoken together with others; a pause is not."""


@dataclass(slots=True, eq=False)
class Speech(Generic[P]):
    """What a caller has been given, and what is still to be said; times in seconds."""

    arrival: float
    pieces: deque[Piece[P]] = field(default_factory=deque)
    is_whole: bool = False
    """Whether nothing will be added."""
    is_spoken: bool = False
    """Whether a chunk of it is being made."""
    unread: int = 0
    runs_dry: float | None = None
    """When its caller will have played all of it; None before the first chunk."""
    audio_s: float = 0.0
    _last_size: int = 0

    @property
    def is_over(self) -> bool:
        return self.is_whole and not self.pieces and not self.is_spoken

    @property
    def is_ready(self) -> bool:
        """Whether its next chunk could be made now."""
        return bool(self.pieces) and not self.is_spoken and self.unread < _MOST_UNREAD

    @property
    def urgency(self) -> tuple[bool, float]:
        """The smallest goes first."""
        return (False, self.arrival) if self.runs_dry is None else (True, self.runs_dry)

    def backlog(self) -> int:
        """The size of all that waits."""
        return sum(piece.size for piece in self.pieces)

    def begin(self, budget: float) -> list[Piece[P]]:
        """Take the pieces of the next chunk: at least one, and others while they fit."""
        count = portion(self.pieces, budget)
        taken = [self.pieces.popleft() for _ in range(count)]
        self._last_size = sum(piece.size + 1 for piece in taken)
        self.is_spoken = True
        return taken

    def end(self, audio_s: float, now: float) -> None:
        """The chunk is made, and goes to the caller."""
        self.is_spoken = False
        self.unread += 1
        self.audio_s += audio_s
        # A player that has run dry goes on playing when there is something again.
        self.runs_dry = max(self.runs_dry or now, now) + audio_s

    def budget(self, now: float, share: float, max_size: int) -> float:
        """The most that the next chunk may have.

        Args:
            share: how much this speech can have made in a second, beside the others.
        """
        if self.runs_dry is None:
            return 0
        return min(_GROWTH * self._last_size, (self.runs_dry - now) * share, max_size)


class Schedule(Generic[P]):
    """All speeches that are under way. Not for use by several threads.

    Args:
        max_size: of a chunk, to which each piece adds one more than its size.
        workers: how many chunks are made at a time.
    """

    def __init__(self, max_size: int, workers: int = 1) -> None:
        self._max_size = max_size
        self._workers = workers
        self._speeches: list[Speech[P]] = []
        self._pace = _Pace()

    def __len__(self) -> int:
        return len(self._speeches)

    def join(self, speech: Speech[P]) -> None:
        self._speeches.append(speech)

    def leave(self, speech: Speech[P]) -> None:
        """Say no more of it; it may have left before."""
        if speech in self._speeches:
            self._speeches.remove(speech)

    def take(self, now: float) -> tuple[Speech[P], list[Piece[P]]] | None:
        """The most urgent speech, and the pieces of its next chunk; None if there is none."""
        ready = (speech for speech in self._speeches if speech.is_ready)
        speech = min(ready, key=lambda one: one.urgency, default=None)
        if speech is None:
            return None
        speaking = sum(not one.is_over for one in self._speeches)
        share = self._pace.per_s * min(1.0, self._workers / max(1, speaking))
        budget = speech.budget(now, share, self._max_size)
        return speech, speech.begin(budget)

    def done(
        self, speech: Speech[P], size: int, made_in_s: float, audio_s: float, now: float
    ) -> None:
        """A chunk of `size` was made."""
        self._pace.learn(size, made_in_s)
        speech.end(audio_s, now)


class _Pace:
    """How much an engine says in a second, from what it has said lately."""

    def __init__(self) -> None:
        self._s_per_unit = 0.0

    @property
    def per_s(self) -> float:
        return 1 / self._s_per_unit if self._s_per_unit else float("inf")

    def learn(self, size: int, seconds: float) -> None:
        if not size:
            return
        latest = seconds / size
        known = self._s_per_unit or latest
        self._s_per_unit = known + _SMOOTHING * (latest - known)


def portion(pieces: Iterable[Piece[P]], budget: float) -> int:
    """How many of `pieces`, at least one, make a chunk of at most `budget`.

    A chunk ends where a sentence does if that costs it no more than half of its length.
    """
    fitting = list(_fitting(pieces, budget))
    if len(fitting) < 2:
        return 1
    sizes = list(accumulate(piece.size for piece in fitting))
    ends = [
        count
        for count, (piece, size) in enumerate(zip(fitting, sizes, strict=True), 1)
        if piece.boundary >= Boundary.SENTENCE and size >= sizes[-1] / 2
    ]
    return ends[-1] if ends else len(fitting)


def _fitting(pieces: Iterable[Piece[P]], budget: float) -> Iterator[Piece[P]]:
    together = takewhile(lambda piece: not piece.alone, pieces)
    size = 0
    for piece in together:
        size += piece.size + 1
        if size > budget:
            return
        yield piece
