"""What a TTS engine is to the routes."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from parley_kit.app import Component

Samples: TypeAlias = NDArray[np.int16]
"""Mono PCM, shape `(n,)`."""

Gender = Literal["female", "male"]


class EngineError(Exception):
    """The engine failed at what it should have been able to do."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice under the engine's own id; `language` is a BCP 47 tag."""

    id: str
    name: str
    language: str
    gender: Gender


@dataclass(frozen=True, slots=True)
class Speech:
    """What to say, in a voice of the engine; a speed of 2 takes half the time."""

    text: str
    voice: str
    speed: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next samples of a speech, and the seconds that the engine spent on them."""

    samples: Samples
    engine_s: float


class TtsEngine(Component, Protocol):
    """Speaks text."""

    models: Sequence[str]
    """Ids that are served; the first is the engine's own, the others are aliases of it."""

    voices: Sequence[Voice]
    openai_voices: Mapping[str, str]
    """For each of OpenAI's voices the id of the one that stands in for it."""

    sample_rate: int
    """Of the chunks, in Hz."""

    def speak(self, speech: Speech) -> AsyncGenerator[Chunk, None]:
        """Speak: at least one chunk; the first comes before the last is synthesised.

        Closing the generator stops the work.

        Raises:
            ApiError: the engine cannot say this; before the first chunk.
            EngineError: it failed.
        """
