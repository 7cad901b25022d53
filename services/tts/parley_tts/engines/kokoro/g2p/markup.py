"""Text in which some words say how they are pronounced: `[tomato](/təmato/)`. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from parley_tts.engines.spelling import readable
from parley_tts.traced import Traced

# misaki's own: phonemes stand between slashes, other things mean something to its English alone.
_MARKUP = re.compile(r"\[([^\]]+)\]\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Segment:
    """Text, without anything that upsets a C library, and what its markup says of it."""

    text: Traced
    says: str | None = None

    @property
    def phonemes(self) -> str:
        """Those that are given; none if it is to be read."""
        says = self.says or ""
        return says.strip("/") if len(says) > 2 and says[0] == says[-1] == "/" else ""


def segments(clause: Traced) -> Iterator[Segment]:
    """The clause in order, none of them empty."""
    done = 0
    for match in _MARKUP.finditer(clause.text):
        yield from _plain(clause[done : match.start()])
        yield Segment(readable(clause[match.start(1) : match.end(1)]), match[2])
        done = match.end()
    yield from _plain(clause[done:])


def _plain(text: Traced) -> Iterator[Segment]:
    cleaned = readable(text)
    if cleaned.text:
        yield Segment(cleaned)
