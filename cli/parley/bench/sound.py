"""Speech for the benchmarks of STT: the question of the examples, as long as is asked for."""

import io
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parley.errors import BadInput

RATE = 16_000
_QUESTION = Path(__file__).parents[3] / "examples" / "question.wav"
_QUIET = 300


def question() -> NDArray[np.int16]:
    """A recording of somebody who asks something, mono at 16 kHz, with the room before and after.

    Raises:
        BadInput: there is no checkout around this installation.
    """
    if not _QUESTION.exists():
        raise BadInput("the benchmarks play examples/question.wav: run them from a git checkout.")
    with wave.open(str(_QUESTION)) as file:
        assert file.getframerate() == RATE
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def speech(seconds: float) -> NDArray[np.int16]:
    """Mono at 16 kHz without a pause at either end: the question over and over.

    Raises:
        BadInput: there is no checkout around this installation.
    """
    recorded = question()
    loud = np.flatnonzero(np.abs(recorded.astype(np.int32)) > _QUIET)
    once = recorded[loud[0] : loud[-1]]
    times = int(np.ceil(seconds * RATE / len(once)))
    return np.tile(once, times)[: round(seconds * RATE)]


def silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * RATE), np.int16)


def wav(samples: NDArray[np.int16]) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()
