"""Audio as every engine takes it, and the way there from any rate and number of channels."""

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from parley_stt.audio import SAMPLE_RATE

_FULL_SCALE = 32_767.0


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


def to_audio(frames: NDArray[np.float32], rate: int) -> Audio:
    """Mix down, resample, convert.

    Args:
        frames: shape (frames, channels), nominally -1..1; what is beyond or no number is tamed.
        rate: of `frames`, in Hz.
    """
    mono = frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1, dtype=np.float32)
    mono = np.clip(np.nan_to_num(mono), -1.0, 1.0)
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    # Resampling may overshoot full scale: clip again, because integers would wrap around.
    return Audio((np.clip(mono, -1.0, 1.0) * _FULL_SCALE).round().astype(np.int16))
