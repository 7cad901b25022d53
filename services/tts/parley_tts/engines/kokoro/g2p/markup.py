"""Text in which some words say how they are pronounced: `[tomato](/təmato/)`. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from parley_tts.engines.spelling import readable
from parley_tts.traced import Traced

# What misaki takes for one: slashes hold phonemes; a number is a stress, which English knows.
_MARKUP = re.compile(r"\[([^\[\]\n]+)\]\((/[^()\n]*/|[-+]?\d(?:\.5)?|#[^()\n]*#)\)")


@dataclass(frozen=True, slots=True)
class Segment:
    """Text, without anything that upsets a C library, and what its markup says of it."""

    text: Traced
    says: str = ""

    @property
    def phonemes(self) -> str:
        """Those that are given; none if it is to be read."""
        return self.says.strip("/") if self.says.startswith("/") else ""


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
