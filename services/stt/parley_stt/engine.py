"""What an STT engine is to the routes."""

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

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
    compression_ratio: float | None = None
    """Of all that was said in the model's window; None: this text's own."""
    seek_s: float | None = None
    """Where the model's window begins; None: where the segment does."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to transcribe; an engine may leave hints (prompt, keywords, temperature) unused."""

    languages: tuple[str, ...] = ()
    """Codes of the languages that may be spoken; empty: any that the engine knows."""
    task: Literal["transcribe", "translate"] = "transcribe"
    """`translate`: into English; only for engines that translate."""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    temperature: float | None = None
    """None: greedy first, then sampled at rising temperatures while the result looks wrong."""
    words: bool = False
    """Whether words are asked for; an engine that knows them anyway may give them always."""
    endpointing: Endpointing | None = field(default_factory=Endpointing)
    """Where utterances begin and end; None: all of the audio is taken for speech."""
    patience_s: float = 0.0
    """By how much others who came at the same time may go first."""


class Listening(Protocol):
    """One utterance while it is being spoken. One task uses it."""

    async def hear(self, samples: NDArray[np.int16]) -> None:
        """Take in what was said since the last call: mono at 16 kHz."""

    async def interim(self) -> str:
        """The transcript so far; a later one may differ from it in every word."""

    async def final(self) -> Sequence[Segment]:
        """All that was said; nothing more will be heard. Times are from the utterance's start."""


class SttEngine(Component, Protocol):
    """Hears speech. What is cancelled or closed stops at once."""

    models: Sequence[str]
    """Ids that are served; the first is the engine's own, the others are aliases of it."""

    languages: Mapping[str, str]
    """ISO 639-1 code and lower-case English name of each language that it hears."""

    translates: bool
    """Whether it can translate into English."""

    def transcribe(self, audio: Audio, options: Options) -> AsyncGenerator[Segment, None]:
        """Segments in the order of time, each as soon as it is known; none for silence.

        Raises:
            ApiError: the engine failed; `InternalError` after a fault of its own.
        """

    def listen(self, options: Options) -> AbstractAsyncContextManager[Listening]:
        """An utterance that begins now; `options.endpointing` has no meaning here.

        Raises:
            ApiError: as `transcribe`, also from the methods of `Listening`.
        """
