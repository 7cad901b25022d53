"""Transcripts on the wire: the body of each response format, and the events of a stream. Pure.

Source: OpenAI's Python SDK 3.52; a client that validates strictly accepts all of them.
"""

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parley_stt import subtitles
from parley_stt.engine import Options, Segment, Word
from parley_stt.wire import TranscriptionRequest

_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_VTT = "text/vtt; charset=utf-8"
_FRAMES_PER_S = 100
"""Whisper's, in which `seek` counts."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was heard.

    Args:
        seconds: duration of the audio.
        language: lower-case English name of the transcript's language.
    """

    segments: tuple[Segment, ...]
    seconds: float
    language: str

    @property
    def text(self) -> str:
        """Without the space before the first word."""
        return "".join(segment.text for segment in self.segments).lstrip()

    @property
    def words(self) -> list[Word]:
        return [word for segment in self.segments for word in segment.words]


def language(segments: Sequence[Segment], options: Options, names: Mapping[str, str]) -> str:
    """The name of the language that a transcript is in; silence has the one that was asked for.

    Args:
        names: of the languages that the engine hears, by their codes.
    """
    if options.task == "translate":
        return "english"
    spoken = (segment.language for segment in segments)
    return names[next(spoken, None) or next(iter(options.languages or names))]


def render(transcript: Transcript, request: TranscriptionRequest) -> tuple[bytes, str]:
    """The body in the format that was asked for, and its Content-Type."""
    match request.response_format:
        case "json":
            return _dump(_brief(transcript, request)), _JSON
        case "verbose_json":
            return _dump(_verbose(transcript, request)), _JSON
        case "text":
            return f"{transcript.text}\n".encode(), _TEXT
        case "srt":
            return subtitles.srt(transcript.segments).encode(), _TEXT
        case "vtt":
            return subtitles.vtt(transcript.segments).encode(), _VTT


class Events:
    """The events of one streamed transcript: a delta for each segment that adds text, and done."""

    def __init__(self, request: TranscriptionRequest) -> None:
        self._request = request
        self._segments: list[Segment] = []
        self._text = ""

    def delta(self, segment: Segment) -> dict[str, object] | None:
        """None: the segment adds nothing."""
        added = segment.text if self._text else segment.text.lstrip()
        self._segments.append(segment)
        self._text += added
        if not added:
            return None
        return {"type": "transcript.text.delta", "delta": added, **self._logprobs([segment])}

    def done(self) -> dict[str, object]:
        """The last event. It has no usage: the SDK knows only that of tokens here."""
        return {
            "type": "transcript.text.done",
            "text": self._text,
            "languages": languages_of(self._segments),
            **self._logprobs(self._segments),
        }

    def _logprobs(self, segments: Sequence[Segment]) -> dict[str, object]:
        if not self._request.wants_logprobs:
            return {}
        return {"logprobs": logprobs([word for segment in segments for word in segment.words])}


def logprobs(words: Sequence[Word]) -> list[dict[str, object]]:
    """One token a word: the log of its posterior probability."""
    return [
        {
            "token": word.text,
            "bytes": list(word.text.encode()),
            "logprob": round(word.logprob, 6),
        }
        for word in words
    ]


def _brief(transcript: Transcript, request: TranscriptionRequest) -> dict[str, object]:
    body: dict[str, object] = {
        "text": transcript.text,
        "languages": languages_of(transcript.segments),
        "usage": _usage(transcript),
    }
    if request.wants_logprobs:
        body["logprobs"] = logprobs(transcript.words)
    return body


def _verbose(transcript: Transcript, request: TranscriptionRequest) -> dict[str, object]:
    body: dict[str, object] = {
        "task": request.task,
        "language": transcript.language,
        "duration": transcript.seconds,
        "text": transcript.text,
        "usage": _usage(transcript),
    }
    if request.wants_segments:
        body["segments"] = [_segment(*numbered) for numbered in enumerate(transcript.segments)]
    if request.wants_words:
        body["words"] = [
            {"word": word.text, "start": word.start, "end": word.end} for word in transcript.words
        ]
    return body


def _segment(index: int, segment: Segment) -> dict[str, object]:
    seek_s = segment.start if segment.seek_s is None else segment.seek_s
    compression_ratio = segment.compression_ratio or _compression_ratio(segment.text)
    return {
        "id": index,
        "seek": round(seek_s * _FRAMES_PER_S),
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": list(segment.tokens),
        "temperature": segment.temperature,
        "avg_logprob": round(segment.avg_logprob, 6),
        "compression_ratio": round(compression_ratio, 6),
        "no_speech_prob": round(segment.no_speech_prob, 6),
    }


def _compression_ratio(text: str) -> float:
    """As Whisper computes it: text that repeats itself compresses well."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw))


def _usage(transcript: Transcript) -> Mapping[str, object]:
    """Whole seconds, as OpenAI counts them."""
    return {"type": "duration", "seconds": math.ceil(transcript.seconds)}


def languages_of(segments: Sequence[Segment]) -> list[dict[str, str]]:
    """Languages in the order in which they were heard; none in silence."""
    return [{"code": code} for code in dict.fromkeys(segment.language for segment in segments)]


def _dump(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
