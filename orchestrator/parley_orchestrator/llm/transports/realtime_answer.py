"""OpenAI's Realtime API in text mode: what comes back, read in both dialects at once. Pure."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, ValidationError

from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chat import Item, Text, ToolCall, Usage
from parley_orchestrator.llm.tool_arguments import json_object
from parley_orchestrator.llm.transports.realtime_wire import Dialect, Json


class _Part(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)


class ErrorDetail(_Part):
    type: str | None = None
    code: str | int | None = None
    event_id: str | None = None


class _StatusDetails(_Part):
    reason: str | None = None
    error: ErrorDetail | None = None


class _Content(_Part):
    text: str | None = None
    transcript: str | None = None


class _OutputItem(_Part):
    type: str | None = None
    status: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    content: list[_Content] | None = None


class _Cached(_Part):
    cached_tokens: int | None = None


class _Usage(_Part):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: _Cached | None = None


class _Response(_Part):
    id: str | None = None
    status: str | None = None
    status_details: _StatusDetails | None = None
    output: list[_OutputItem] | None = None
    usage: _Usage | None = None


class Event(_Part):
    """As much of a server's event as is used."""

    type: str
    delta: str | None = None
    item: _OutputItem | None = None
    response: _Response | None = None
    error: ErrorDetail | None = None
    session: Json | None = None


def read_event(raw: str | bytes, model: str) -> Event:
    """
    Args:
        model: who sent it, for the log.

    Raises:
        LlmFailed: `malformed`.
    """
    try:
        return Event.model_validate_json(raw)
    except ValidationError:
        # Its text quotes the conversation.
        raise LlmFailed(f"{model} sent what is no event", "malformed") from None


_TEXT_DELTAS = frozenset({
    "response.output_text.delta", "response.text.delta",
    # A server that insists on speaking writes down what it says.
    "response.output_audio_transcript.delta", "response.audio_transcript.delta",
})  # fmt: skip

# An answer to a `response.cancel` that came too late.
_LATE_CANCEL = "response_cancel_not_active"

_AUTH = frozenset({
    "authentication_error", "permission_error", "invalid_api_key", "account_deactivated",
    "organization_not_found", "insufficient_permissions",
})  # fmt: skip
_LIMITED = frozenset({
    "rate_limit_error", "rate_limit_exceeded", "insufficient_quota", "tokens", "requests",
    "billing_hard_limit_reached", "credit_balance_exhausted", "too_many_requests",
})  # fmt: skip
_BLOCKED = frozenset({"content_filter", "content_policy_violation"})
_SHAPES = frozenset({
    "unknown_parameter", "missing_required_parameter", "invalid_value", "invalid_type",
    "unsupported_value", "beta_api_shape_disabled", "missing_beta_header", "invalid_beta",
    "invalid_request_error", "unknown_event", "invalid_event",
})  # fmt: skip


def error_kind(error: ErrorDetail | None) -> FailureKind:
    """What an error means: its code says it, or else its type."""
    words = [str(word) for word in (error and error.code, error and error.type) if word]
    for word in words:
        if word in _AUTH:
            return "auth"
        if word in _LIMITED:
            return "rate_limited"
        if word in _BLOCKED:
            return "blocked"
        if word == "session_expired":
            return "connect"
    return "refused" if "invalid_request_error" in words else "server"


def refuses_dialect(error: ErrorDetail) -> bool:
    """Whether an error that answers `session_update` is about how that is spelled."""
    if error_kind(error) not in ("refused", "server"):
        return False
    return error.code in _SHAPES or (error.code is None and error.type in _SHAPES)


def dialect_of(session: Json) -> Dialect | None:
    """Which dialect a server's description of a session is in, if that can be told."""
    if "output_modalities" in session or session.get("type") == "realtime":
        return "ga"
    return "beta" if "modalities" in session else None


class RealtimeAnswer:
    """Reads one answer event by event.

    Args:
        model: who answers, for the log.
        event_id: of the `response_create`.
    """

    def __init__(self, model: str, event_id: str) -> None:
        self.event_id = event_id
        self.begun = False
        self._model = model
        self._said = False
        self._called: set[str] = set()

    def push(self, event: Event) -> Iterator[Item]:
        """
        Raises:
            LlmFailed: the answer failed, or is not whole.
        """
        self.begun = self.begun or event.type.startswith("response.")
        if event.type in _TEXT_DELTAS:
            yield from self._text(event.delta)
        elif event.type == "response.output_item.done" and event.item:
            yield from self._call(event.item)
        elif event.type == "response.done" and event.response:
            yield from self._done(event.response)
        elif event.type == "error" and self._is_ours(event.error):
            raise LlmFailed(f"{self._model} sent an error", error_kind(event.error))

    def _is_ours(self, error: ErrorDetail | None) -> bool:
        if error is None or error.event_id == self.event_id:
            return True
        return error.event_id is None and error.code != _LATE_CANCEL

    def _text(self, text: str | None) -> Iterator[Text]:
        if text:
            self._said = True
            yield Text(text)

    def _call(self, item: _OutputItem) -> Iterator[ToolCall]:
        whole = item.status in (None, "completed")
        if item.type != "function_call" or not whole or item.call_id in self._called:
            return
        if not item.name or not item.call_id:
            raise LlmFailed(f"{self._model} called a tool without a name or an id", "malformed")
        self._called.add(item.call_id)
        yield ToolCall(item.call_id, item.name, json_object(item.arguments or "", self._model))

    def _done(self, response: _Response) -> Iterator[Item]:
        """How it ended, and what had not been sent in pieces."""
        self._check(response.status, response.status_details or _StatusDetails())
        in_pieces = self._said
        for item in response.output or ():
            for part in item.content or () if not in_pieces else ():
                yield from self._text(part.text or part.transcript)
            yield from self._call(item)
        if response.usage:
            yield _counted(response.usage)

    def _check(self, status: str | None, details: _StatusDetails) -> None:
        """An answer that is as long as it was allowed to be is whole."""
        if status in (None, "completed") or details.reason == "max_output_tokens":
            return
        if details.reason == "content_filter":
            raise LlmFailed(f"{self._model} has a filter that stopped the answer", "blocked")
        if status == "failed":
            raise LlmFailed(f"{self._model} failed to answer", error_kind(details.error))
        raise LlmFailed(f"{self._model} left an answer {status}", "cut")


def _counted(usage: _Usage) -> Usage:
    details = usage.input_token_details
    return Usage(
        usage.input_tokens or 0,
        usage.output_tokens or 0,
        (details and details.cached_tokens) or 0,
    )
