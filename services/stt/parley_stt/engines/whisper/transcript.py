"""faster-whisper's segments as the service's. Pure."""

from typing import Any

from parley_stt.engine import Segment, Word

_FRAMES_PER_S = 100


def segment_of(found: Any, language: str, offset_s: float, end_s: float) -> Segment:
    """
    Args:
        found: `faster_whisper.transcribe.Segment`, in seconds from the start of its piece.
        offset_s: where the piece begins in the recording.
        end_s: where the piece ends: the model pads what it hears with silence.
    """

    def at(seconds: float) -> float:
        return min(round(offset_s + float(seconds), 2), end_s)

    words = tuple(
        Word(word.word.strip(), at(word.start), at(word.end), float(word.probability))
        for word in found.words or ()
    )
    return Segment(
        start=at(found.start),
        end=at(found.end),
        text=found.text.rstrip(),
        language=language,
        words=words,
        tokens=tuple(found.tokens),
        temperature=float(found.temperature or 0.0),
        avg_logprob=float(found.avg_logprob),
        no_speech_prob=float(found.no_speech_prob),
        compression_ratio=float(found.compression_ratio),
        seek_s=offset_s + found.seek / _FRAMES_PER_S,
    )
