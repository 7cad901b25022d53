"""What the server says: one function per event, as a dictionary without its id. Pure.

Each validates as `RealtimeServerEvent` of OpenAI's Python SDK 3.52, except the two of the beta's
own names and sessions whose audio is PCM of another rate than OpenAI's.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parley_kit.errors import ApiError
from parley_stt import replies
from parley_stt.audio import SAMPLE_RATE
from parley_stt.engine import Segment
from parley_stt.realtime.config import SessionConfig
from parley_stt.realtime.protocol import Dialect

Event = dict[str, Any]

_TRANSCRIPTION = "conversation.item.input_audio_transcription"
_BETA_FORMATS = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}


@dataclass(frozen=True, slots=True)
class Identity:
    """What of a session never changes; `expires_at` in seconds since 1970."""

    id: str
    expires_at: int


def new_id(kind: str) -> str:
    """An id that nobody can guess: `item_…`, `event_…`, `sess_…`."""
    return f"{kind}_{secrets.token_hex(12)}"


def session_created(identity: Identity, config: SessionConfig, dialect: Dialect) -> Event:
    return _session("created", identity, config, dialect)


def session_updated(identity: Identity, config: SessionConfig, dialect: Dialect) -> Event:
    return _session("updated", identity, config, dialect)


def error(refusal: ApiError, event_id: str | None) -> Event:
    """`event_id` is the client's own, of the event that was refused."""
    return {"type": "error", "error": {**refusal.envelope()["error"], "event_id": event_id}}


def speech_started(item_id: str, position: int) -> Event:
    """Positions are 16 kHz samples since the session began."""
    return {
        "type": "input_audio_buffer.speech_started",
        "audio_start_ms": _ms(position),
        "item_id": item_id,
    }


def speech_stopped(item_id: str, position: int) -> Event:
    return {
        "type": "input_audio_buffer.speech_stopped",
        "audio_end_ms": _ms(position),
        "item_id": item_id,
    }


def buffer_cleared() -> Event:
    return {"type": "input_audio_buffer.cleared"}


def item_committed(item_id: str, previous: str | None, dialect: Dialect) -> list[Event]:
    """The events that make an item of the buffer."""
    item = {
        "id": item_id,
        "type": "message",
        "object": "realtime.item",
        "role": "user",
        "status": "completed",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    kinds = ("added", "done") if dialect == "ga" else ("created",)
    return [
        {
            "type": "input_audio_buffer.committed",
            "item_id": item_id,
            "previous_item_id": previous,
        },
        *(
            {"type": f"conversation.item.{kind}", "item": item, "previous_item_id": previous}
            for kind in kinds
        ),
    ]


def transcription_delta(item_id: str, delta: str) -> Event:
    return {
        "type": f"{_TRANSCRIPTION}.delta",
        "item_id": item_id,
        "content_index": 0,
        "delta": delta,
    }


def transcription_completed(
    item_id: str, transcript: str, segments: Sequence[Segment], samples: int, *, logprobs: bool
) -> Event:
    """`samples` is the duration that the usage counts, to the millisecond."""
    event: Event = {
        "type": f"{_TRANSCRIPTION}.completed",
        "item_id": item_id,
        "content_index": 0,
        "transcript": transcript,
        "usage": {"type": "duration", "seconds": round(samples / SAMPLE_RATE, 3)},
        "languages": replies.languages_of(segments),
    }
    if logprobs:
        event["logprobs"] = replies.logprobs([word for seg in segments for word in seg.words])
    return event


def transcription_failed(item_id: str, failure: ApiError) -> Event:
    return {
        "type": f"{_TRANSCRIPTION}.failed",
        "item_id": item_id,
        "content_index": 0,
        "error": failure.envelope()["error"],
    }


def _ms(position: int) -> int:
    return position * 1000 // SAMPLE_RATE


def _session(kind: str, identity: Identity, config: SessionConfig, dialect: Dialect) -> Event:
    if dialect == "beta":
        return {
            "type": f"transcription_session.{kind}",
            "session": {**_head(identity), **_flat(config)},
        }
    return {"type": f"session.{kind}", "session": {**_head(identity), **_nested(config)}}


def _head(identity: Identity) -> Event:
    return {
        "id": identity.id,
        "object": "realtime.transcription_session",
        "expires_at": identity.expires_at,
    }


def _nested(config: SessionConfig) -> Event:
    """The configuration as it is honoured: noise stays in, whatever was asked."""
    given = config.audio.input
    return {
        "type": "transcription",
        "audio": {
            "input": {
                "format": given.format.model_dump(),
                "noise_reduction": None,
                "transcription": _present(given.transcription),
                "turn_detection": _present(given.turn_detection),
            }
        },
        "include": list(config.include) if config.include is not None else None,
    }


def _flat(config: SessionConfig) -> Event:
    given = config.audio.input
    return {
        "input_audio_format": _BETA_FORMATS[given.format.type],
        "input_audio_noise_reduction": None,
        "input_audio_transcription": _present(given.transcription),
        "turn_detection": _present(given.turn_detection),
        "include": list(config.include) if config.include is not None else None,
    }


def _present(part: Any) -> Mapping[str, Any] | None:
    """The fields of a part that have a value."""
    dumped: Mapping[str, Any] | None = None if part is None else part.model_dump(exclude_none=True)
    return dumped
