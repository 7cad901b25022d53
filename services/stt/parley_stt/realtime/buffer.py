"""The input audio buffer of a session: what is heard becomes turns, or waits for a commit. Pure."""

from dataclasses import dataclass
from typing import TypeAlias

from parley_stt.endpointing import Endpointing
from parley_stt.realtime import turns
from parley_stt.realtime.tape import Samples, Tape
from parley_stt.realtime.turns import Turns
from parley_stt.voice import FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class Started:
    """A turn begins with the sample at `position` of the session."""

    position: int


@dataclass(frozen=True, slots=True)
class Heard:
    """More of the open turn, whose last `silence` samples are silence."""

    samples: Samples
    silence: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """The open turn ends before the sample at `position`."""

    position: int


Step: TypeAlias = Started | Heard | Stopped


class InputBuffer:
    """Keeps what a turn may need: all that is heard, or while turns are detected their padding."""

    def __init__(self) -> None:
        self._tape = Tape()
        self._turns: Turns | None = None
        self._origin = 0

    def __len__(self) -> int:
        """Samples that are kept."""
        return len(self._tape)

    @property
    def end(self) -> int:
        """Position of the next sample."""
        return self._tape.end

    @property
    def kept(self) -> Samples:
        return self._tape.kept

    def attend(self, endpointing: Endpointing) -> None:
        """Detect turns from what is kept on, or go on to with another endpointing."""
        if self._turns is None:
            self._origin = self._tape.start
            self._turns = Turns(endpointing)
        else:
            self._turns.endpointing = endpointing

    def ignore(self) -> None:
        """Detect no turns."""
        self._turns = None

    def hear(self, samples: Samples, probabilities: list[float]) -> list[Step]:
        """What happens with these samples.

        Args:
            probabilities: of speech in each frame that they complete, counted from `attend`.
        """
        self._tape.append(samples)
        if self._turns is None:
            return []
        steps: list[Step] = []
        for found in self._turns.feed(probabilities):
            steps += self._turn(found)
        if self._turns.speaking:
            steps.append(self._heard(self._turns.frame, self._turns.silence))
        else:
            self._take(self._turns.earliest)
        return steps

    def cut(self) -> Samples:
        """All that is kept; an open turn is over."""
        if self._turns is not None:
            self._turns.stop()
        return self._tape.take(self._tape.end)

    def _turn(self, found: turns.Started | turns.Stopped) -> list[Step]:
        match found:
            case turns.Started():
                self._take(found.frame)
                return [Started(self._tape.start)]
            case turns.Stopped():
                heard = self._heard(found.frame, found.silence)
                return [heard, Stopped(self._tape.start)]

    def _heard(self, frame: int, silence: int) -> Heard:
        return Heard(self._take(frame), silence * FRAME_SAMPLES)

    def _take(self, frame: int) -> Samples:
        return self._tape.take(self._origin + frame * FRAME_SAMPLES)
