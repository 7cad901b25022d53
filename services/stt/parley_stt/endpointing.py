"""Endpointing: which stretches of audio are utterances. Pure arithmetic over frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parley_stt.audio import SAMPLE_RATE
from parley_stt.voice import FRAME_SAMPLES

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE

# Silero's own value.
_HYSTERESIS = 0.15

_SMOOTHING_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Endpointing:
    """When an utterance starts and ends; times in seconds."""

    threshold: float = 0.5
    """0..1: the higher, the surer a frame must be speech."""
    padding_s: float = 0.3
    """Audio kept before the first and after the last frame of speech."""
    silence_s: float = 0.5
    """Silence that ends an utterance."""
    min_speech_s: float = 0.09
    """Less speech than this is a click."""
    max_utterance_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Span:
    """Frames from `start` up to but without `end`; `speech` of them were speech."""

    start: int
    end: int
    speech: int


def loudness(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Of each frame of `samples`: the difference between its highest and its lowest sample."""
    frames = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)
    difference: NDArray[np.float32] = np.ptp(frames.astype(np.float32), axis=1)
    return difference


def leaving(threshold: float) -> float:
    """Less than this is silence again: a voice that wavers about the threshold is one utterance."""
    return max(threshold - _HYSTERESIS, threshold / 2)


def speaking(probabilities: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Which frames are speech, from how likely each is to be."""
    starts = probabilities >= threshold
    decides = starts | (probabilities < leaving(threshold))
    # Each frame is what the last frame that was clearly one or the other was.
    last = np.maximum.accumulate(np.where(decides, np.arange(len(decides)), -1))
    return np.where(last >= 0, starts[last], False)


def utterances(
    speech: Sequence[bool] | NDArray[np.bool_],
    loudness: NDArray[np.float32],
    endpointing: Endpointing,
) -> list[Span]:
    """Spans to transcribe, in order and without overlap.

    Args:
        speech: whether each frame is speech.
        loudness: of each frame, in any unit that grows with it.
    """
    flags = np.asarray(speech, dtype=bool)
    runs = _joined(_runs(flags), _frames(endpointing.silence_s))
    runs = [run for run in runs if flags[slice(*run)].sum() * FRAME_S >= endpointing.min_speech_s]
    padded = _padded(runs, _frames(endpointing.padding_s), len(flags))
    longest = max(1, _frames(endpointing.max_utterance_s))
    pieces = (piece for run in padded for piece in _cut(run, loudness, longest))
    spans = (Span(start, end, int(flags[start:end].sum())) for start, end in pieces)
    return [span for span in spans if span.speech]


def _frames(seconds: float) -> int:
    return round(seconds / FRAME_S)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _joined(runs: Iterable[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """Runs with pauses shorter than `gap` closed."""
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined and start - joined[-1][1] < gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _padded(runs: Sequence[tuple[int, int]], padding: int, total: int) -> list[tuple[int, int]]:
    """Runs widened on both sides, neighbours at most to the middle between them."""
    padded = []
    for index, (start, end) in enumerate(runs):
        before = (runs[index - 1][1] + start) // 2 if index else 0
        after = (end + runs[index + 1][0]) // 2 if index + 1 < len(runs) else total
        padded.append((max(before, start - padding), min(after, end + padding)))
    return padded


def _cut(
    run: tuple[int, int], loudness: NDArray[np.float32], longest: int
) -> Iterable[tuple[int, int]]:
    """Pieces of at most `longest` frames, cut where the second half of each is quietest."""
    start, end = run
    while end - start > longest:
        middle = start + (longest + 1) // 2
        window = _smooth(loudness[middle : start + longest])
        cut = middle + int(np.argmin(window)) if len(window) else start + longest
        yield start, cut
        start = cut
    yield start, end


def _smooth(values: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(values) < _SMOOTHING_FRAMES:
        return values
    kernel = np.full(_SMOOTHING_FRAMES, 1 / _SMOOTHING_FRAMES, dtype=np.float32)
    edged = np.pad(values, _SMOOTHING_FRAMES // 2, mode="edge")
    return np.convolve(edged, kernel, mode="valid").astype(np.float32)
