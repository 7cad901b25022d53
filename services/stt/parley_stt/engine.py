"""What an STT engine is to the routes."""

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from parley_kit.app import Component
from parley_stt.audio.samples import Audio
from parley_stt.endpointing import Endpointing

_LEAST_PROBABILITY = 1e-10


@dataclass(frozen=True, slots=True)
class Word:
    """A word without spaces around it; times are seconds from the start of the audio."""

    text: str
    start: float
    end: float
    probability: float

    @property
    def logprob(self) -> float:
        return math.log(min(1.0, max(_LEAST_PROBABILITY, self.probability)))


@dataclass(frozen=True, slots=True)
class Segment:
    """What was said in one stretch of speech.

    `text` begins with the space that separates it from the segment before, where its language
    has spaces, and ends with none: the texts of all segments make up the transcript.
    """

    start: float
    end: float
    text: str
    language: str
    words: tuple[Word, ...] = ()
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0


@dataclass(frozen=True, slots=True)
class Options:
    """How to transcribe; an engine may leave hints (prompt, keywords, temperature) unused."""

    languages: tuple[str, ...] = ()
    """Codes of the languages that may be spoken; empty: any that the engine knows."""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    temperature: float | None = None
    endpointing: Endpointing = field(default_factory=Endpointing)


class SttEngine(Component, Protocol):
    """Hears speech."""

    models: Sequence[str]
    """Ids that are served; the first is the engine's own, the others are aliases of it."""

    languages: Mapping[str, str]
    """ISO 639-1 code and lower-case English name of each language that it hears."""

    def transcribe(self, audio: Audio, options: Options) -> AsyncGenerator[Segment, None]:
        """Segments in the order of time, each as soon as it is known; none for silence.

        Closing the generator, or cancelling who waits for it, stops the work.

        Raises:
            ApiError: the engine failed; `InternalError` after a fault of its own.
        """
