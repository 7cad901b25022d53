"""What a stream tells its client. Pure."""

import uuid
from collections.abc import Sequence
from typing import Any, TypeAlias

from parley_kit.errors import ApiError
from parley_tts import replies
from parley_tts.stream.config import SessionConfig

Event: TypeAlias = dict[str, Any]

_MILLISECOND = 3


def new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:24]}"


def session(kind: str, session_id: str, config: SessionConfig) -> Event:
    """
    Args:
        kind: `created` or `updated`.
    """
    return {"type": f"session.{kind}", "session": {"id": session_id, **config.shown()}}


def delta(utterance_id: str, audio: bytes) -> Event:
    return {**replies.delta(audio), "utterance_id": utterance_id}


def words(utterance_id: str, timed: Sequence[dict[str, object]]) -> Event:
    return {**replies.words_event(timed), "utterance_id": utterance_id}


def flushed(utterance_id: str | None) -> Event:
    """All audio of what came before the flush has been sent."""
    return {"type": "speech.flushed", "utterance_id": utterance_id}


def done(utterance_id: str, text: str, seconds: float) -> Event:
    """All audio of the utterance has been sent."""
    duration = round(seconds, _MILLISECOND)
    return {**replies.done(text, seconds), "duration": duration, "utterance_id": utterance_id}


def cancelled(utterance_ids: Sequence[str]) -> Event:
    """No audio of these comes any more."""
    return {"type": "speech.cancelled", "utterance_ids": list(utterance_ids)}


def error(why: ApiError, event_id: str | None, utterance_id: str | None = None) -> Event:
    """
    Args:
        event_id: the client's, if the error is about an event that has one.
        utterance_id: the utterance that ends with it, if it ends one.
    """
    detail = {**why.envelope()["error"], "event_id": event_id}
    return {"type": "error", "error": detail, "utterance_id": utterance_id}
