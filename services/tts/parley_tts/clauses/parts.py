"""What text is cut into."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from parley_tts.traced import Span, Traced


class Boundary(IntEnum):
    """What ends a clause; the higher, the longer a reader would pause there."""

    WORD = 0
    """Nothing: it was cut between two words."""
    CLAUSE = 1
    """A comma or the like."""
    SENTENCE = 2
    """A full stop or the like, the end of a line, or the end of all that there was to say."""
    PARAGRAPH = 3
    """A blank line."""


@dataclass(frozen=True, slots=True)
class Clause:
    """Text to be spoken in one go: not empty, without white space around it."""

    text: Traced
    boundary: Boundary


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence that the caller asked for, and where they did."""

    seconds: float
    span: Span


Part: TypeAlias = Clause | Pause
