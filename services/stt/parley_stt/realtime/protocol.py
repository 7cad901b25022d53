"""What clients send, in both dialects of the Realtime API. Pure.

`transcription_session.update` with its flat fields is the beta's; everything else is the same.
"""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from parley_kit import client_events
from parley_kit.errors import InvalidRequest
from parley_kit.sockets import size_of

Dialect = Literal["ga", "beta"]

MAX_EVENT_BYTES = 64 << 10
"""Of a message without audio in it: more than this would be parsed for longer than others wait."""

_APPEND = "input_audio_buffer.append"
# How far from either end of its message an append says what it is: members come in any order.
_TYPE_WITHIN = 1024

_SHOWN_CHARS = 64

_BETA_FORMATS = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_BETA_FIELDS = {
    "input_audio_format": "format",
    "input_audio_noise_reduction": "noise_reduction",
    "input_audio_transcription": "transcription",
    "turn_detection": "turn_detection",
}
# Where a session comes from, and what it answers in: neither says anything to a transcription.
_BETA_HARMLESS = frozenset({"client_secret", "modalities"})


@dataclass(frozen=True, slots=True)
class Update:
    """Change the configuration; `patch` has the shape of the GA dialect."""

    patch: Mapping[str, Any] = field(repr=False)
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class Append:
    """More audio."""

    audio: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Commit:
    """The buffered audio is an item."""


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget the buffered audio."""


ClientEvent: TypeAlias = Update | Append | Commit | Clear


def decode(raw: str | bytes) -> dict[str, Any]:
    """The JSON object in a message.

    Raises:
        InvalidRequest: it is something else, or larger than it may be.
    """
    is_large = size_of(raw) > MAX_EVENT_BYTES
    if is_large and not _may_append(raw):
        raise _too_large()
    data = client_events.decoded(raw)
    if is_large and data.get("type") != _APPEND:
        raise _too_large()
    return data


def read(data: Mapping[str, Any]) -> ClientEvent:
    """
    Raises:
        InvalidRequest: it is not an event that clients of a transcription session may send.
    """
    match data.get("type"):
        case "input_audio_buffer.append":
            return Append(_audio(data))
        case "input_audio_buffer.commit":
            return Commit()
        case "input_audio_buffer.clear":
            return Clear()
        case "session.update":
            return Update(_session(data), "ga")
        case "transcription_session.update":
            return Update(_from_beta(_session(data)), "beta")
        case None:
            raise InvalidRequest(
                "Missing required parameter: 'type'.",
                param="type",
                code="missing_required_parameter",
            )
        case other:
            raise InvalidRequest(
                f"A transcription session knows no event '{_shown(other)}'.",
                param="type",
                code="invalid_value",
            )


def _may_append(raw: str | bytes) -> bool:
    """Whether a large message looks like audio before it is parsed."""
    ends = raw[:_TYPE_WITHIN], raw[-_TYPE_WITHIN:]
    return any(
        _APPEND in (end if isinstance(end, str) else end.decode(errors="replace")) for end in ends
    )


def _too_large() -> InvalidRequest:
    return InvalidRequest(
        f"The message is too large: only '{_APPEND}' may have more than {MAX_EVENT_BYTES} bytes.",
        code="invalid_value",
    )


def _audio(data: Mapping[str, Any]) -> bytes:
    try:
        return binascii.a2b_base64(data["audio"], strict_mode=True)
    except KeyError:
        raise InvalidRequest(
            "Missing required parameter: 'audio'.",
            param="audio",
            code="missing_required_parameter",
        ) from None
    except (TypeError, ValueError):
        raise InvalidRequest(
            "Invalid 'audio': expected audio bytes in base64.", param="audio", code="invalid_value"
        ) from None


def _session(data: Mapping[str, Any]) -> Mapping[str, Any]:
    session = data.get("session")
    if not isinstance(session, dict):
        raise InvalidRequest(
            "Missing required parameter: 'session'.",
            param="session",
            code="missing_required_parameter",
        )
    return session


def _from_beta(session: Mapping[str, Any]) -> Mapping[str, Any]:
    """A flat session of the beta in the shape of the GA dialect."""
    patch: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for name, value in session.items():
        if name in _BETA_FIELDS:
            given[_BETA_FIELDS[name]] = _format(value) if name == "input_audio_format" else value
        elif name == "audio":
            raise InvalidRequest(
                "Unknown parameter: 'session.audio': the beta's fields are flat.",
                param="session.audio",
                code="unknown_parameter",
            )
        elif name not in _BETA_HARMLESS:
            patch[name] = value
    return {**patch, "audio": {"input": given}}


def _format(name: object) -> object:
    if isinstance(name, str) and name in _BETA_FORMATS:
        return _BETA_FORMATS[name]
    raise InvalidRequest(
        f"Invalid value for 'session.input_audio_format': expected {' '.join(_BETA_FORMATS)}.",
        param="session.input_audio_format",
        code="invalid_value",
    )


def _shown(kind: object) -> str:
    return str(kind)[:_SHOWN_CHARS] if isinstance(kind, str) else type(kind).__name__
