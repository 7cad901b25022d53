"""What an error of Gemini's says, beyond its status."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.genai.errors import APIError

from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.transports.http_failures import status_failure

# The account's, not the request's: free tier not offered there, billing off, key unknown.
_ACCOUNT = ("FAILED_PRECONDITION", "UNAUTHENTICATED", "PERMISSION_DENIED")


@dataclass(frozen=True, slots=True)
class _Said:
    reasons: frozenset[str]
    retry_after_s: float | None


def gemini_failure(error: APIError) -> LlmFailed:
    """Our failure, with nothing of the body in it, which may quote the conversation."""
    status = error.code if isinstance(error.code, int) else 500
    said = _read(error.details)
    failed = status_failure(
        "gemini",
        status,
        getattr(error.response, "headers", {}),
        retry_after_s=said.retry_after_s,
    )
    # An unknown key is a 400.
    if failed.kind == "refused" and (
        error.status in _ACCOUNT or any(r.startswith("API_KEY_") for r in said.reasons)
    ):
        failed.kind = "auth"
    return failed


def _read(body: Any) -> _Said:
    details = list(_details(body))
    reasons = (detail.get("reason") for detail in details)
    delays = (_seconds(detail.get("retryDelay")) for detail in details)
    return _Said(
        frozenset(reason for reason in reasons if isinstance(reason, str)),
        next((delay for delay in delays if delay is not None), None),
    )


def _details(body: Any) -> Iterator[dict[str, Any]]:
    error = body.get("error", body) if isinstance(body, dict) else {}
    listed = error.get("details") if isinstance(error, dict) else None
    for detail in listed if isinstance(listed, list) else ():
        if isinstance(detail, dict):
            yield detail


def _seconds(duration: object) -> float | None:
    """Of a duration in protobuf's JSON, such as `34.07s`."""
    if not isinstance(duration, str) or not re.fullmatch(r"\d{1,9}(\.\d{1,9})?s", duration):
        return None
    return float(duration[:-1])
