"""A synthesiser whose every step the tests can hold up, and which counts what it is asked for."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from parley_kit.errors import InvalidRequest
from parley_tts.engine import EngineError, Manner, TimedWord, Voice
from parley_tts.engines.synthesiser import Sound
from parley_tts.traced import Traced

RATE = 8_000
SAMPLES_PER_CHAR = 80


@dataclass(frozen=True, slots=True)
class Beep:
    text: Traced

    @property
    def size(self) -> int:
        return len(self.text)


class BeepingSynthesiser:
    """Ten milliseconds of sound for every character; words in a row."""

    name = "beep"
    blends = False
    sample_rate = RATE
    workers = 1
    max_size = 200
    voices: Sequence[Voice] = (Voice("beep", "Beep", "en-US", "female"),)
    openai_voices: Mapping[str, str] = MappingProxyType({"alloy": "beep"})
    languages: Sequence[str] = ("en-US",)

    def __init__(self, on_chunk: Callable[[str], None] = lambda text: None) -> None:
        """
        Args:
            on_chunk: called in the engine's thread before a chunk is made, with its text.
        """
        self._on_chunk = on_chunk
        self.phonemised: list[str] = []
        self.spoken: list[str] = []
        self.threads: set[int] = set()
        self.is_closed = False

    def load(self) -> None:
        self.threads.add(threading.get_ident())

    def close(self) -> None:
        self.is_closed = True

    def status(self) -> Mapping[str, object]:
        return {"engine": "beep"}

    def phonemise(self, clause: Traced, manner: Manner) -> Sequence[Beep]:
        self.threads.add(threading.get_ident())
        self.phonemised.append(clause.text)
        if "unreadable" in clause.text:
            raise EngineError("unreadable")
        if "foreign" in clause.text:
            raise InvalidRequest("This cannot be read.", param="input")
        return [Beep(clause)] if any(map(str.isalnum, clause.text)) else []

    def synthesise(self, phrases: Sequence[Beep], manner: Manner) -> Sound:
        self.threads.add(threading.get_ident())
        text = " ".join(phrase.text.text for phrase in phrases)
        self._on_chunk(text)
        self.spoken.append(text)
        if "broken" in text:
            raise EngineError("broken")
        return _sound(phrases)


def _sound(phrases: Sequence[Beep]) -> Sound:
    words, at = [], 0
    for phrase in phrases:
        for word in phrase.text.words():
            end = at + len(word)
            words.append(TimedWord(word.span(), _seconds(at), _seconds(end)))
            at = end
    return Sound(np.full(at * SAMPLES_PER_CHAR, 1_000, np.int16), tuple(words))


def _seconds(chars: int) -> float:
    return chars * SAMPLES_PER_CHAR / RATE
