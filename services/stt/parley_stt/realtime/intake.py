"""Intake: bytes as the client sends them, in whatever pieces, to 16 kHz samples."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from parley_stt.audio import SAMPLE_RATE
from parley_stt.realtime import g711

_FULL_SCALE = 32_768.0
# 15 ms of delay instead of the 21 of soxr's best, and still the whole band of 16 bits.
_QUALITY = "MQ"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the client's audio is encoded; mono."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"] = "audio/pcm"
    rate: int = 24_000

    @property
    def bytes_per_second(self) -> int:
        return self.rate * (2 if self.type == "audio/pcm" else 1)


class Intake:
    """One stream; remembers half a sample and what the resampler has not given back yet."""

    def __init__(self, encoding: Encoding) -> None:
        self._table = _table(encoding)
        self._resampler = _resampler(encoding.rate)
        self._rest = b""

    def feed(self, data: bytes) -> NDArray[np.int16]:
        """The samples that these bytes complete."""
        if self._table is not None:
            return self._resampled(self._table[np.frombuffer(data, np.uint8)], last=False)
        data = self._rest + data
        even = len(data) & ~1
        self._rest = data[even:]
        return self._resampled(np.frombuffer(data, "<i2", even // 2), last=False)

    def end(self) -> NDArray[np.int16]:
        """The last samples; nothing more can be fed."""
        return self._resampled(np.zeros(0, np.int16), last=True)

    def _resampled(self, samples: NDArray[np.int16], *, last: bool) -> NDArray[np.int16]:
        if self._resampler is None:
            return samples.astype(np.int16)
        floats = samples.astype(np.float32) / _FULL_SCALE
        resampled: NDArray[np.float32] = self._resampler.resample_chunk(floats, last=last)
        # Resampling may overshoot full scale, and integers would wrap around.
        whole: NDArray[np.float32] = np.rint(resampled * _FULL_SCALE).clip(-32_768, 32_767)
        return whole.astype(np.int16)


def _table(encoding: Encoding) -> g711.Table | None:
    match encoding.type:
        case "audio/pcmu":
            return g711.mu_law()
        case "audio/pcma":
            return g711.a_law()
        case _:
            return None


def _resampler(rate: int) -> soxr.ResampleStream | None:
    if rate == SAMPLE_RATE:
        return None
    return soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality=_QUALITY)
