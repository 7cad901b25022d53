"""Hearing: audio as it arrives, to samples and the probability of speech in them.

Its work takes up to a tenth of a second for the longest message: it is done in a thread.
"""

import numpy as np
from numpy.typing import NDArray

from parley_stt.realtime.intake import Encoding, Intake
from parley_stt.realtime.tape import Samples
from parley_stt.voice import VoiceDetector, VoiceStream

Probabilities = NDArray[np.float32]

_NONE = np.zeros(0, np.float32)


class Hearing:
    """One session's audio; one call at a time."""

    def __init__(self, detector: VoiceDetector, encoding: Encoding) -> None:
        self._detector = detector
        self._encoding = encoding
        self._intake = Intake(encoding)
        self._voice: VoiceStream | None = None

    @property
    def attentive(self) -> bool:
        """Whether it judges what it is fed."""
        return self._voice is not None

    def encode(self, encoding: Encoding) -> None:
        """What is fed from now on is encoded differently."""
        self._encoding = encoding
        self._intake = Intake(encoding)

    def attend(self) -> None:
        """Judge what is fed from now on, from a first frame."""
        self._voice = self._detector.stream()

    def ignore(self) -> None:
        """Judge no more."""
        self._voice = None

    def feed(self, data: bytes) -> tuple[Samples, Probabilities]:
        """What these bytes complete: samples, and the probability of each frame of them."""
        samples = self._intake.feed(data)
        return samples, self.judge(samples)

    def judge(self, samples: Samples) -> Probabilities:
        """The probability of speech in the frames that these samples complete."""
        return self._voice.feed(samples) if self._voice is not None else _NONE

    def rest(self) -> Samples:
        """What the resampler holds back; what is fed next begins anew."""
        rest = self._intake.end()
        self._intake = Intake(self._encoding)
        return rest
