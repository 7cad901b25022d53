"""The seams between clauses that are spoken apart: the pauses that a speaker would make."""

from dataclasses import replace

import numpy as np

from parley_tts.engine import Samples
from parley_tts.engines.synthesiser import Sound

_BEFORE_S = 0.05
_AFTER_SENTENCE_S = 0.3
_AFTER_CLAUSE_S = 0.12
# What was cut between two words: no pause, but the last sound may die away.
_AFTER_WORDS_S = 0.03
_FADE_S = 0.005
_SENTENCE_ENDS = ".!?\u2026\u3002\uff01\uff1f\uff61\u0964\u0965\u061f\u06d4"
_CLAUSE_ENDS = ",;:\u2013\u2014\u3001\uff0c\uff1b\uff1a\u060c\u061b"
_CLOSERS = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb)]}\u300d\u300f\uff09 \n"
_QUIET = 0.002


def spoken_part(samples: Samples, sample_rate: int) -> tuple[float, float]:
    """Where sound begins and where it ends, in seconds; both 0 if there is none.

    Only for engines whose silence is silent: what is 54 dB below the loudest is none.
    """
    loudness = np.abs(samples.astype(np.int32))
    loud = np.flatnonzero(loudness > _QUIET * loudness.max(initial=0))
    if not loud.size:
        return 0.0, 0.0
    return float(loud[0]) / sample_rate, float(loud[-1] + 1) / sample_rate


def seamed(
    sound: Sound, sample_rate: int, spoken: tuple[float, float], text: str, speed: float
) -> Sound:
    """`sound` with the silence around it that belongs there.

    Args:
        spoken: where it begins and ends to speak, in seconds.
        text: what is spoken; the pause after it depends on how it ends.
        speed: of the speech; whoever speaks twice as fast makes pauses half as long.
    """
    start = max(round((spoken[0] - _BEFORE_S / speed) * sample_rate), 0)
    end = round((spoken[1] + pause_after(text) / speed) * sample_rate)
    kept = _faded(sound.samples[start:end], sample_rate)
    missing = max(end - start - len(kept), 0)
    samples = np.concatenate([kept, np.zeros(missing, np.int16)])
    shift, length = start / sample_rate, len(samples) / sample_rate
    words = (
        replace(
            word,
            start_s=min(max(word.start_s - shift, 0.0), length),
            end_s=min(max(word.end_s - shift, 0.0), length),
        )
        for word in sound.words
    )
    return Sound(samples, tuple(words))


def pause_after(text: str) -> float:
    """How long a speaker at the usual speed pauses after `text`, in seconds."""
    ending = text.rstrip(_CLOSERS)[-1:]
    if ending and ending in _SENTENCE_ENDS:
        return _AFTER_SENTENCE_S
    return _AFTER_CLAUSE_S if ending and ending in _CLAUSE_ENDS else _AFTER_WORDS_S


def _faded(samples: Samples, sample_rate: int) -> Samples:
    """`samples` that begin and end at nothing, so that no seam clicks."""
    length = min(round(_FADE_S * sample_rate), len(samples) // 2)
    if not length:
        return samples
    ramp = np.linspace(0.0, 1.0, length)
    faded = samples.astype(np.float64)
    faded[:length] *= ramp
    faded[-length:] *= ramp[::-1]
    return faded.round().astype(np.int16)
