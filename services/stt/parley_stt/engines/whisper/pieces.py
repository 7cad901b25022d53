"""Cuts a recording into pieces that fill Whisper's window of 30 s, at pauses. Pure.

Each piece is transcribed by itself, so that a long file can be interrupted between any two, or
have several of its own in one batch, and takes no more memory than a window. Pauses inside a
piece stay in it: every time in it is off by the same, which is where the piece begins.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from parley_stt.audio import SAMPLE_RATE
from parley_stt.audio.samples import Audio
from parley_stt.endpointing import FRAME_S, Endpointing, Span, loudness, speaking, utterances
from parley_stt.voice import FRAME_SAMPLES, VoiceDetector

WINDOW_S = 30.0
_WINDOW_FRAMES = int(WINDOW_S / FRAME_S)
_MIN_SAMPLES = SAMPLE_RATE // 10


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a recording.

    Args:
        start_s: where it begins in the recording.
        samples: float32, -1..1, mono at 16 kHz.
    """

    start_s: float
    samples: NDArray[np.float32]

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / SAMPLE_RATE


def cut(audio: Audio, endpointing: Endpointing | None, voice: VoiceDetector) -> list[Piece]:
    """Pieces in order; none when there is no speech, or too little to be any.

    Args:
        endpointing: what is speech; None: everything.
    """
    if len(audio.samples) < _MIN_SAMPLES:
        return []
    spans = _spans(audio.samples, endpointing, voice)
    return [_piece(audio.samples, *stretch) for stretch in packed(spans, _WINDOW_FRAMES)]


def _spans(
    samples: NDArray[np.int16], endpointing: Endpointing | None, voice: VoiceDetector
) -> list[Span]:
    """Utterances of less than a window each."""
    volume = loudness(samples)
    window = replace(endpointing or Endpointing(), max_utterance_s=_WINDOW_FRAMES * FRAME_S)
    if endpointing is None:
        return utterances(np.ones(len(volume), bool), volume, window)
    speech = speaking(voice.probabilities(samples), endpointing.threshold)
    return utterances(speech, volume, window)


def packed(spans: Iterable[Span], longest: int) -> Iterator[tuple[int, int]]:
    """Stretches of at most `longest` frames that cover the spans, each as many as go in."""
    start = end = None
    for span in spans:
        if start is None or end is None:
            start, end = span.start, span.end
        elif span.end - start <= longest:
            end = span.end
        else:
            yield start, end
            start, end = span.start, span.end
    if start is not None and end is not None:
        yield start, end


def _piece(samples: NDArray[np.int16], start: int, end: int) -> Piece:
    stretch = samples[start * FRAME_SAMPLES : end * FRAME_SAMPLES]
    return Piece(start * FRAME_S, stretch.astype(np.float32) / np.float32(32_768))
