"""The embedded engines, outside of a service."""

from typing import TypeAlias

from parley_tts.engine import Manner
from parley_tts.engines.espeak import EspeakSynthesiser
from parley_tts.engines.flite import FliteSynthesiser
from parley_tts.engines.synthesiser import Sound
from parley_tts.traced import Traced

Embedded: TypeAlias = FliteSynthesiser | EspeakSynthesiser

LETTERS = "The tall man (with no hat) paid $5.50 for John's well-known book, in the end."


def said(
    by: Embedded, text: str, voice: str = "", *, speed: float = 1.0, language: str | None = None
) -> Sound:
    """`text` as one clause, by the first voice if none is named."""
    manner = Manner(((voice or by.voices[0].id, 1.0),), speed, language)
    return by.synthesise(by.phonemise(Traced.of(text), manner), manner)
