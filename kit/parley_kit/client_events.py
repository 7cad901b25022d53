"""Messages of a session's client: JSON objects, in the manner of OpenAI's Realtime API. Pure."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from parley_kit.errors import InvalidRequest

_MAX_EVENT_ID_CHARS = 512


def decoded(raw: str | bytes) -> dict[str, Any]:
    """The JSON object in a message.

    Raises:
        InvalidRequest: it is something else.
    """
    try:
        data = json.loads(raw, parse_constant=_not_a_number)
    except (ValueError, RecursionError):  # also bytes that are no UTF-8, and 5000-digit numbers
        raise InvalidRequest("The message is not valid JSON.", code="invalid_json") from None
    if not isinstance(data, dict):
        raise InvalidRequest("A message must be a JSON object.", code="invalid_event")
    return data


def event_id_of(data: Mapping[str, Any]) -> str | None:
    """The client's own id of an event, which an error about it repeats."""
    given = data.get("event_id")
    return given if isinstance(given, str) and len(given) <= _MAX_EVENT_ID_CHARS else None


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(constant)
