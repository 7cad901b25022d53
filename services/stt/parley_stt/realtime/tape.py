"""The tape: audio that has arrived and is still needed, by its position in the session."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


class Tape:
    """16 kHz samples; positions are samples since the session began."""

    def __init__(self) -> None:
        self._pieces: list[Samples] = []
        self.start = 0
        """Position of the first sample that is kept."""
        self.end = 0
        """Position of the next sample."""

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def kept(self) -> Samples:
        return np.concatenate((np.zeros(0, np.int16), *self._pieces))

    def append(self, samples: Samples) -> None:
        self._pieces.append(samples)
        self.end += len(samples)

    def take(self, until: int) -> Samples:
        """What lies before `until`, which is not kept any longer."""
        count = min(max(0, until - self.start), len(self))
        if not count:
            return np.zeros(0, np.int16)
        whole = np.concatenate(self._pieces)
        self._pieces = [whole[count:]]
        self.start += count
        return whole[:count]
