"""When each word is spoken, from how long the model makes each phoneme. Pure."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from parley_tts.engines.kokoro.phrases import KokoroPhrase
from parley_tts.engines.word_times import Mark

SAMPLE_RATE = 24_000
FRAME_SAMPLES = 600
_FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
# Kokoro's own word times begin so many frames before the durations say; see its join_timestamps.
_EARLY_FRAMES = 3
_SOUNDLESS = frozenset(';:,.!?—…"()“” ')


class Timeline:
    """Where the phonemes of a phrase are in its audio, in seconds."""

    def __init__(
        self, phrase: KokoroPhrase, vocabulary: Collection[str], durations: NDArray[np.int64]
    ) -> None:
        """
        Args:
            vocabulary: the phonemes that the model knows; it is not given the others.
            durations: in frames, of what comes before, of each phoneme, and of what comes after.
        """
        self._phrase = phrase
        known = np.fromiter((p in vocabulary for p in phrase.phonemes), bool, phrase.size)
        self._frames = np.zeros(phrase.size, np.int64)
        self._frames[known] = durations[1:-1]
        self._begin = max(0, int(durations[0]) - _EARLY_FRAMES)
        self._edges = self._begin + np.concatenate(([0], np.cumsum(self._frames)))

    def spoken(self) -> tuple[float, float]:
        """When the first sound begins and the last one ends."""
        said = [at for at, p in enumerate(self._phrase.phonemes) if p not in _SOUNDLESS]
        if not said:
            return 0.0, 0.0
        # The end is later than Kokoro's word times: nothing that sounds may be cut.
        end = self._edges[said[-1] + 1] + _EARLY_FRAMES
        return float(self._edges[said[0]] * _FRAME_S), float(end * _FRAME_S)

    def marks(self) -> Sequence[Mark]:
        """When what begins where in the text is spoken; half of a space belongs to either side."""
        return [
            Mark(
                word.at,
                float((self._edges[word.start] - self._half_space(word.start - 1)) * _FRAME_S),
                float((self._edges[word.end] + self._half_space(word.end)) * _FRAME_S),
            )
            for word in self._phrase.spoken
        ]

    def _half_space(self, at: int) -> float:
        is_inside = 0 <= at < self._phrase.size
        return self._frames[at] / 2 if is_inside and self._phrase.phonemes[at] == " " else 0.0
