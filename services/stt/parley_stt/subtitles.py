"""Segments as subtitles: SubRip and WebVTT. Pure."""

from collections.abc import Iterator, Sequence
from html import escape

from parley_stt.engine import Segment


def srt(segments: Sequence[Segment]) -> str:
    """SubRip; empty without segments."""
    cues = (
        f"{index}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{text}\n\n"
        for index, (cue, text) in enumerate(_cues(segments), start=1)
    )
    return "".join(cues)


def vtt(segments: Sequence[Segment]) -> str:
    """WebVTT; only the header without segments."""
    cues = (
        f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{escape(text, quote=False)}\n\n"
        for cue, text in _cues(segments)
    )
    return "WEBVTT\n\n" + "".join(cues)


def _cues(segments: Sequence[Segment]) -> Iterator[tuple[Segment, str]]:
    """Segments that have text, each with its text in one line: an empty one would end the cue."""
    for segment in segments:
        if text := " ".join(segment.text.split()):
            yield segment, text


def _time(seconds: float, point: str) -> str:
    minutes, ms = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{point}{ms % 1000:03}"
