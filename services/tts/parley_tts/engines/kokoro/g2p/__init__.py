"""From text to phonemes, by misaki: one reader for each language."""

from typing import Protocol

from parley_tts.engines.kokoro.phrases import KokoroPhrase
from parley_tts.traced import Traced


class Reader(Protocol):
    """Reads one language; called by one thread at a time."""

    def __call__(self, clause: Traced) -> KokoroPhrase:
        """The phonemes of a clause, none if nothing in it has a sound."""
