"""What clients of a stream send. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from parley_kit.errors import InvalidRequest

_SHOWN_CHARS = 64


@dataclass(frozen=True, slots=True)
class Update:
    """Change how the utterances to come are spoken."""

    patch: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Append:
    """More of the text of the utterance."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FlushText:
    """Speak all of the utterance that there is."""


@dataclass(frozen=True, slots=True)
class Done:
    """The utterance is complete."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop speaking, and forget what is unspoken."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the session once all is spoken."""


ClientEvent: TypeAlias = Update | Append | FlushText | Done | Cancel | Close


def read(data: Mapping[str, Any]) -> ClientEvent:
    """
    Raises:
        InvalidRequest: it is not an event that clients may send.
    """
    match data.get("type"):
        case "input_text.append":
            return Append(_text(data))
        case "input_text.flush":
            return FlushText()
        case "input_text.done":
            return Done()
        case "cancel":
            return Cancel()
        case "session.update":
            return Update(_session(data))
        case "close":
            return Close()
        case None:
            raise _missing("type")
        case other:
            shown = other[:_SHOWN_CHARS] if isinstance(other, str) else type(other).__name__
            raise _invalid("type", f"there is no event '{shown}'")


def _text(data: Mapping[str, Any]) -> str:
    text = data.get("text")
    if text is None:
        raise _missing("text")
    if not isinstance(text, str):
        raise _invalid("text", "it has to be a string")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise _invalid("text", "it has half a surrogate pair")
    return text


def _session(data: Mapping[str, Any]) -> Mapping[str, Any]:
    session = data.get("session")
    if session is None:
        raise _missing("session")
    if not isinstance(session, dict):
        raise _invalid("session", "it has to be an object")
    return session


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


def _invalid(param: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid value for '{param}': {why}.", param=param, code="invalid_value")
