"""What an HTTP response that is no answer says about a language model."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from parley_orchestrator.errors import FailureKind, LlmFailed

_QUOTA = (402, 429)


def status_failure(
    model: str, status: int, headers: Mapping[str, str], *, retry_after_s: float | None = None
) -> LlmFailed:
    """
    Args:
        model: who answered, for the log.
        status: anything but 2xx.
        headers: with names in lower case, or a mapping that does not mind.
        retry_after_s: what the body said, if the headers say nothing.
    """
    asked = _retry_after_s(headers.get("retry-after"))
    return LlmFailed(
        f"{model} answered with status {status}",
        status_kind(status),
        retry_after_s=retry_after_s if asked is None else asked,
    )


def status_kind(status: int) -> FailureKind:
    """What a status other than 2xx means."""
    if status in _QUOTA:
        return "rate_limited"
    if status in (401, 403, 407):
        return "auth"
    if status == 408:
        return "timeout"
    return "refused" if 400 <= status < 500 else "server"


def _retry_after_s(header: str | None) -> float | None:
    """Seconds or a date; nonsense is nothing."""
    if header is None:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", header.strip()):
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
