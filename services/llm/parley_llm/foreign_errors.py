"""Errors of other servers, in whatever shape, as the envelope that our callers read.

vLLM answers `{"error": "Unauthorized"}`, integers for codes and Python's class names for types;
a gateway answers HTML. A caller is told the other server's words only where the caller is to
blame: what is written into a 500 may be an address of memory or another caller's data.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parley_kit.errors import (
    ApiError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    ModelNotFound,
    NotFound,
    Overloaded,
    RateLimited,
    UpstreamFailed,
)

MAX_BYTES = 64 << 10
"""As much of a foreign error is read as this."""
_MAX_MESSAGE = 1_000
_MAX_RETRY_AFTER_S = 120
# vLLM's type for what pydantic refused; its message is a dump of pydantic's, with the input in it.
_VALIDATION = "Bad Request"
_OURS = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class _Said:
    """What can be read from a foreign body."""

    message: str = ""
    param: str | None = None
    code: str | None = None


def translate(status: int, body: bytes, headers: Mapping[str, str]) -> ApiError:
    """
    Args:
        status: the foreign status, anything but 2xx.
        body: the foreign body, or its beginning.
        headers: the foreign headers, with names in lower case.
    """
    said = _read(body)
    retry_after_s = _retry_after(headers.get("retry-after"))
    match status:
        case 429:
            return RateLimited(
                said.message or "Too many requests.", retry_after_s=retry_after_s, code=said.code
            )
        case 503:
            return Overloaded("The model has too much to do.", retry_after_s=retry_after_s)
        case 404:
            return _not_found(said)
        case 405:
            return MethodNotAllowed(said.message or "The method is not allowed.")
        case _ if status in (401, 403, 407) or not 400 <= status < 500:
            return _failed(status)
    return InvalidRequest(
        said.message or f"The model's server refused the request with status {status}.",
        param=said.param,
        code=said.code,
    )


def _failed(status: int) -> ApiError:
    if status == 500:
        return InternalError()
    if status in (401, 403, 407):
        return UpstreamFailed("The model's server refuses this service's own key.")
    return UpstreamFailed(f"The model's server failed with status {status}.")


def _not_found(said: _Said) -> ApiError:
    if said.param == "model" or said.code == "model_not_found":
        error = ModelNotFound("")
        error.message = said.message or error.message
        return error
    return NotFound(said.message or "The model's server has nothing at this address.")


def _read(body: bytes) -> _Said:
    try:
        data = json.loads(body[:MAX_BYTES])
    except (ValueError, RecursionError):
        return _Said()
    error = data.get("error", data) if isinstance(data, dict) else None
    if isinstance(error, str):
        return _Said(error[:_MAX_MESSAGE])
    if not isinstance(error, dict):
        return _Said()
    param = _param(error.get("param"))
    message = error.get("message", error.get("detail"))
    if error.get("type") == _VALIDATION and param is not None:
        message = f"Invalid value for '{param}'."
    return _Said(
        message[:_MAX_MESSAGE] if isinstance(message, str) else "",
        param,
        _code(error.get("code")),
    )


def _param(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return value[:_MAX_MESSAGE].removeprefix("body.") or None


def _code(value: Any) -> str | None:
    return value if isinstance(value, str) and _OURS.fullmatch(value) else None


def _retry_after(header: str | None) -> int:
    """Whole seconds; a date or nonsense is a second."""
    if header is None or not re.fullmatch(r"\d{1,6}", header.strip()):
        return 1
    return min(max(int(header), 1), _MAX_RETRY_AFTER_S)
