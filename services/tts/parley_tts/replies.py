"""What the service answers: events, objects and lists. Pure."""

import json
import unicodedata
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence

from parley_tts.encoding import Encoder
from parley_tts.engine import TimedWord, Voice
from parley_tts.traced import Span

# What OpenAI bills for a minute of speech.
_TOKENS_PER_S = 1250 / 60
_SAID_MARKS = frozenset("%‰&#@§+/\\")
_MILLISECOND = 3


def delta(audio: bytes) -> dict[str, object]:
    """The next bytes of the audio, in the format that was asked for."""
    return {"type": "speech.audio.delta", "audio": b64encode(audio).decode("ascii")}


def words_event(words: Sequence[dict[str, object]]) -> dict[str, object]:
    """Words whose audio is on its way; not one of OpenAI's events."""
    return {"type": "speech.audio.words", "words": words}


def done(text: str, seconds: float) -> dict[str, object]:
    """The last event."""
    return {"type": "speech.audio.done", "usage": usage(text, seconds)}


def usage(text: str, seconds: float) -> dict[str, int]:
    """Words of the text, and the audio as OpenAI counts it."""
    spoken, heard = len(text.split()), round(seconds * _TOKENS_PER_S)
    return {"input_tokens": spoken, "output_tokens": heard, "total_tokens": spoken + heard}


def whole(audio: Iterable[bytes], about: Mapping[str, object]) -> Iterator[bytes]:
    """A speech as one JSON object, a little at a time; not one of OpenAI's.

    Audio may be large: nothing of it is copied as a whole.
    """
    yield b'{"audio":"'
    held = b""
    for part in audio:
        data = held + part
        end = len(data) - len(data) % 3
        held = data[end:]
        yield b64encode(data[:end])
    yield b64encode(held) + b'",' + json.dumps(about).encode()[1:]


def about(
    encoder: Encoder, text: str, words: Sequence[dict[str, object]] | None
) -> dict[str, object]:
    """What the object of a speech has beside its audio."""
    timed_words = {} if words is None else {"words": words}
    return {
        "format": encoder.form.name,
        "sample_rate": encoder.rate,
        "duration": round(encoder.seconds, _MILLISECOND),
        **timed_words,
        "usage": usage(text, encoder.seconds),
    }


def timed(text: str, words: Sequence[TimedWord], delay_s: float) -> list[dict[str, object]]:
    """The words as the caller wrote them, and when they are heard in the decoded audio.

    Args:
        text: the caller's.
        delay_s: what a decoder plays before the speech.
    """
    return [
        {
            "word": text[span.start : span.end],
            "start": round(word.start_s + delay_s, _MILLISECOND),
            "end": round(word.end_s + delay_s, _MILLISECOND),
            "span": [span.start, span.end],
        }
        for word in words
        for span in bare(text, word.span)
    ]


def bare(text: str, span: Span) -> Iterator[Span]:
    """The span without the punctuation around it; none if there is nothing else."""
    start, end = span.start, span.end
    while start < end and _is_silent(text, start, end):
        start += 1
    while start < end and _is_silent(text, end - 1, end):
        end -= 1
    if start < end:
        yield Span(start, end)


def _is_silent(text: str, at: int, end: int) -> bool:
    """Whether the character is punctuation that nobody says; a minus before a digit is said."""
    char = text[at]
    if char.isspace():
        return True
    if not unicodedata.category(char).startswith("P") and char not in "`~^<>|":
        return False
    before_digit = at + 1 < end and text[at + 1].isdigit()
    return char not in _SAID_MARKS and not (char in "-\u2212" and before_digit)


def voice_object(voice: Voice) -> dict[str, object]:
    return {
        "id": voice.id, "name": voice.name, "language": voice.language, "gender": voice.gender,
    }  # fmt: skip


def voice_list(voices: Sequence[Voice]) -> dict[str, object]:
    """The body of `GET /v1/audio/voices`; also what a model's object has beside OpenAI's."""
    return {"voices": [voice_object(voice) for voice in voices]}


def voice_id_list(voices: Sequence[Voice]) -> dict[str, object]:
    """The same with `?legacy=true`."""
    return {"voices": [voice.id for voice in voices]}
