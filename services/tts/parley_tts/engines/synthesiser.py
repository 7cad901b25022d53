"""What every TTS engine has to know; all else (order, threads, text, cache) is done for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from parley_tts.engine import Manner, Samples, TimedWord, Voice
from parley_tts.traced import Traced


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples, and the words in them; times count from the first sample."""

    samples: Samples
    words: tuple[TimedWord, ...] = ()


class Phrase(Protocol):
    """A clause, ready to be spoken together with those before and after it."""

    @property
    def size(self) -> int:
        """About how many sounds it has: phonemes, or letters."""


P = TypeVar("P", bound=Phrase)


class Synthesiser(Protocol[P]):
    """A library or model that turns phrases into samples.

    `phonemise` is called by one thread at a time, `synthesise` by `workers` threads, both beside
    each other.
    """

    name: str
    blends: bool
    sample_rate: int
    workers: int
    max_size: int
    """The most that the phrases of one call of `synthesise` may have together, each of which
    counts one more than its size."""

    @property
    def voices(self) -> Sequence[Voice]:
        """Those that there are; maybe none before it is loaded."""

    @property
    def openai_voices(self) -> Mapping[str, str]:
        """For each of OpenAI's voices the id of the one that stands in for it; as `voices`."""

    @property
    def languages(self) -> Sequence[str]:
        """BCP 47 tags; as `voices`."""

    def load(self) -> None:
        """Make ready; may take minutes.

        Raises:
            SettingsError: something is not there; says what to do.
        """

    def close(self) -> None:
        """Let go of everything; called once, also while `load` runs, which then ends soon."""

    def status(self) -> Mapping[str, object]:
        """Engine, model, device and what else there is to tell, at any time."""

    def phonemise(self, clause: Traced, manner: Manner) -> Sequence[P]:
        """Phrases that say the clause, each of at most `max_size`; none if nothing has a sound.

        Args:
            manner: its language is always given here.

        Raises:
            ApiError: it has words, and this engine cannot read them.
            EngineError: it failed.
        """

    def synthesise(self, phrases: Sequence[P], manner: Manner) -> Sound:
        """
        Args:
            phrases: at least one.

        Raises:
            EngineError: it failed.
        """
