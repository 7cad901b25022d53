"""What a TTS engine is to the routes."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from parley_kit.app import Component
from parley_tts.traced import Span

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


Blend: TypeAlias = tuple[tuple[str, float], ...]
"""Ids of voices of the engine, each once, with their shares, which sum to 1."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak, whatever is said.

    A speed of 2 takes half the time. The language is one of the engine's (a BCP 47 tag), or None
    for that of the voice. Text that is not to be normalised is spoken as the engine reads it.
    """

    voice: Blend
    speed: float = 1.0
    language: str | None = None
    normalise: bool = True


Script: TypeAlias = AsyncIterable[str]
"""What to say, in parts that may break anywhere; the characters of all parts together are the
caller's text, which spans refer to."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A `Script` that is there from the beginning."""

    text: str

    async def __aiter__(self) -> AsyncIterator[str]:
        yield self.text


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word of the caller's text, and when it is spoken: seconds since the speech began."""

    span: Span
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next samples of a speech, the words in them, and the seconds that the engine took."""

    samples: Samples
    engine_s: float
    words: tuple[TimedWord, ...] = ()


class TtsEngine(Component, Protocol):
    """Speaks text."""

    models: Sequence[str]
    """Ids that are served; the first is the engine's own, the others are aliases of it."""

    blends: bool
    """Whether several voices can be one."""

    sample_rate: int
    """Of the chunks, in Hz."""

    @property
    def voices(self) -> Sequence[Voice]:
        """At least one once the engine is ready; maybe none before."""

    @property
    def openai_voices(self) -> Mapping[str, str]:
        """For each of OpenAI's voices the id of the one that stands in for it; as `voices`."""

    @property
    def languages(self) -> Sequence[str]:
        """BCP 47 tags of what `Manner.language` may be; as `voices`."""

    def speak(self, manner: Manner, script: Script) -> AsyncGenerator[Chunk, None]:
        """Speak: the first chunk is a clause, and comes while the rest is still to be done.

        Closing the generator stops the work, at the latest after one chunk.

        Raises:
            ApiError: the engine cannot say this; before the first chunk, if the script is whole.
            EngineError: it failed.
        """
