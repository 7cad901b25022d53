"""Turns: where speech starts and stops in audio that is still arriving. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from parley_stt.endpointing import FRAME_S, Endpointing, leaving


@dataclass(frozen=True, slots=True)
class Started:
    """Speech has begun; the turn's audio begins at `frame`, padding included."""

    frame: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """The turn is over; its audio ends before `frame`, `silence` frames of silence included."""

    frame: int
    silence: int


class Turns:
    """Judges one frame after the other; frames are counted from 0."""

    def __init__(self, endpointing: Endpointing) -> None:
        self.endpointing = endpointing
        self.frame = 0
        """The next to be judged."""
        self._free = 0
        self._run = 0
        self._started: int | None = None
        self.silence = 0
        """How many frames at the end of the open turn are silence."""

    @property
    def speaking(self) -> bool:
        """Whether a turn is open."""
        return self._started is not None

    @property
    def earliest(self) -> int:
        """Where the next turn would begin if speech began now; what was before is not needed."""
        return max(self._free, self.frame - self._run - _frames(self.endpointing.padding_s))

    def feed(self, probabilities: Iterable[float]) -> list[Started | Stopped]:
        """What the next frames show, by the probability of speech in each."""
        found: list[Started | Stopped] = []
        for probability in probabilities:
            found += self._speech(probability) if self.speaking else self._silent(probability)
        return found

    def stop(self) -> None:
        """Forget the open turn, and what may have been the beginning of one."""
        self._started, self._run, self.silence, self._free = None, 0, 0, self.frame

    def _silent(self, probability: float) -> list[Started | Stopped]:
        """A frame outside of a turn."""
        threshold = self.endpointing.threshold
        if probability >= threshold or (self._run and probability >= leaving(threshold)):
            self._run += 1
        else:
            self._run = 0
        self.frame += 1
        if self._run < max(1, _frames(self.endpointing.min_speech_s)):
            return []
        return [self._start(self.earliest)]

    def _speech(self, probability: float) -> list[Started | Stopped]:
        """A frame inside of a turn."""
        is_speech = probability >= leaving(self.endpointing.threshold)
        self.silence = 0 if is_speech else self.silence + 1
        self.frame += 1
        stopped = Stopped(self.frame, self.silence)
        if self.silence >= max(1, _frames(self.endpointing.silence_s)):
            self.stop()
            return [stopped]
        assert self._started is not None
        if self.frame - self._started < _frames(self.endpointing.max_utterance_s):
            return []
        return [stopped, self._start(self.frame)]

    def _start(self, frame: int) -> Started:
        self._started, self._run, self.silence = frame, 0, 0
        return Started(frame)


def _frames(seconds: float) -> int:
    return math.ceil(seconds / FRAME_S - 1e-9)
