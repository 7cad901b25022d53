"""Audio as every engine takes it, and the way there from any rate and number of channels."""

import math
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from parley_stt.audio import SAMPLE_RATE

_FULL_SCALE = np.float32(32_767)


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono speech at 16 kHz; one 16-bit sample per element."""

    samples: NDArray[np.int16]

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @classmethod
    def from_pcm(cls, pcm: bytes | bytearray) -> "Audio":
        """From s16le mono 16 kHz; an odd last byte is dropped."""
        return cls(np.frombuffer(pcm, dtype="<i2", count=len(pcm) // 2))


class Conversion:
    """Mixes down, resamples and converts audio that comes in blocks.

    Beside its result it needs memory for one block, however long the audio is.

    Args:
        frames: how many there are altogether.
        rate: of those frames, in Hz.
    """

    def __init__(self, frames: int, rate: int) -> None:
        self._left = frames
        self._samples = np.empty(math.ceil(frames * SAMPLE_RATE / rate) + 1, np.int16)
        self._filled = 0
        self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1) if rate != SAMPLE_RATE else None

    def feed(self, block: NDArray[np.float32]) -> None:
        """Take the next frames: shape (frames, channels), nominally -1..1.

        What is beyond full scale or no number is tamed.
        """
        self._left -= len(block)
        mono = _mono(block)
        if self._stream is not None:
            # Resampling may overshoot full scale, and integers would wrap around: clip before
            # and after.
            mono = self._stream.resample_chunk(mono, last=self._left == 0)
        end = self._filled + len(mono)
        scaled = np.rint(np.clip(mono, -1, 1) * _FULL_SCALE)
        self._samples[self._filled : end] = scaled
        self._filled = end

    def audio(self) -> Audio:
        """The result, once all frames have been fed."""
        assert self._left == 0
        return Audio(self._samples[: self._filled])


def _mono(block: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(invalid="ignore", over="ignore"):
        mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
    return np.clip(np.nan_to_num(mono), -1, 1)
