"""The kit's errors, and the one place where an error becomes the body that a caller reads.

    KitError
    ├── SettingsError            the process cannot start as configured
    │   └── PortTaken            another process listens there
    └── ApiError                 what a caller is told; carries status, type, param and code
        ├── InvalidRequest       400
        ├── InvalidApiKey        401
        ├── NotFound             404
        │   └── ModelNotFound    404  model_not_found
        ├── MethodNotAllowed     405
        ├── BodyTooSlow          408
        ├── BodyTooLarge         413
        ├── RateLimited          429  this caller asks for too much; Retry-After
        ├── HeadersTooLarge      431
        ├── InternalError        500
        ├── UpstreamFailed       502  a service behind this one failed
        ├── Overloaded           503  all callers together ask for too much; Retry-After
        ├── NotReady             503  loading or draining; Retry-After
        └── DeadlineExceeded     504

The body has OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.exceptions import HTTPException


class KitError(Exception):
    """Root of the tree."""


class SettingsError(KitError):
    """The process cannot start as configured; the message says what to change."""


class PortTaken(SettingsError):
    """Another process listens there."""


class ApiError(HTTPException, KitError):
    """An error that a caller is told about.

    It is Starlette's `HTTPException` as well, because FastAPI turns every other exception that
    is raised while a body is read into a 400 of its own.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(self.status, message, dict(headers or {}))
        self.message = message
        self.param = param
        self.code = code or self.default_code

    def __str__(self) -> str:
        return self.message

    def envelope(self) -> dict[str, dict[str, str | None]]:
        """The body in OpenAI's shape."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }

    def body(self) -> bytes:
        return json.dumps(self.envelope(), ensure_ascii=False).encode()


class InvalidRequest(ApiError):
    """The caller has to change the request."""

    status = 400
    type = "invalid_request_error"


class InvalidApiKey(ApiError):
    """No key, or one that is not in use."""

    status = 401
    type = "invalid_request_error"
    default_code = "invalid_api_key"

    def __init__(self) -> None:
        super().__init__(
            "Incorrect API key provided: send one as 'Authorization: Bearer <key>'.",
            headers={"www-authenticate": "Bearer"},
        )


class NotFound(ApiError):
    """There is nothing at this address."""

    status = 404
    type = "invalid_request_error"


class ModelNotFound(NotFound):
    """The model is not served here."""

    default_code = "model_not_found"

    def __init__(self, model: str) -> None:
        shown = model if len(model) <= 100 else f"{model[:100]}…"
        super().__init__(
            f"The model `{shown}` does not exist or you do not have access to it.", param="model"
        )


class MethodNotAllowed(ApiError):
    """The address exists, the method does not."""

    status = 405
    type = "invalid_request_error"


class BodyTooSlow(ApiError):
    """The upload comes too slowly to wait for its end; the connection ends with the answer."""

    status = 408
    type = "invalid_request_error"
    default_code = "request_timeout"

    def __init__(self) -> None:
        super().__init__("The request's body arrived too slowly.", headers={"connection": "close"})


class BodyTooLarge(ApiError):
    """The upload is over the limit; the type is the one that OpenAI answers with."""

    status = 413
    type = "server_error"

    def __init__(self, limit: int, read: int) -> None:
        super().__init__(f"Maximum content size limit ({limit}) exceeded ({read} bytes read).")


class HeadersTooLarge(ApiError):
    """The request's headers are over the limit."""

    status = 431
    type = "invalid_request_error"


class _TryLater(ApiError):
    def __init__(self, message: str, *, retry_after_s: int, code: str | None = None) -> None:
        super().__init__(message, code=code, headers={"retry-after": str(retry_after_s)})
        self.retry_after_s = retry_after_s


class RateLimited(_TryLater):
    """This caller has too much under way."""

    status = 429
    type = "rate_limit_exceeded"
    default_code = "rate_limit_exceeded"


class InternalError(ApiError):
    """A fault of ours; the log has the rest, under the request's id."""

    default_code = "internal_error"

    def __init__(self) -> None:
        super().__init__("The server had an error while processing your request.")


class UpstreamFailed(ApiError):
    """A service that this one depends on failed."""

    status = 502
    default_code = "upstream_failed"


class Overloaded(_TryLater):
    """The queue is full."""

    status = 503
    default_code = "overloaded"


class NotReady(_TryLater):
    """The service is loading, draining or has failed to load."""

    status = 503
    default_code = "not_ready"


class DeadlineExceeded(ApiError):
    """The request took longer than its deadline."""

    status = 504
    default_code = "deadline_exceeded"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The request was stopped after its deadline of {seconds:g} s.")


def from_http_exception(exc: HTTPException, method: str, path: str) -> ApiError:
    """What a caller reads for an exception of Starlette's router or of FastAPI."""
    if isinstance(exc, ApiError):
        return exc
    headers = exc.headers
    if exc.status_code == 404:
        return NotFound(f"Unknown request URL: {method} {path}.", code="unknown_url")
    if exc.status_code == 405:
        return MethodNotAllowed(
            f"Method {method} is not allowed on {path}.", code="method_not_allowed", headers=headers
        )
    if exc.status_code < 500:
        return InvalidRequest(str(exc.detail), headers=headers)
    return InternalError()


def from_validation(errors: Sequence[Mapping[str, Any]]) -> ApiError:
    """The first validation error, naming the field and never echoing the value.

    `errors` are pydantic's, with the `loc` that FastAPI puts `"body"` in front of.
    """
    first = errors[0]
    param = _param(first["loc"])
    if first["type"] == "json_invalid":
        return InvalidRequest("We could not parse the JSON body of your request.")
    if first["type"] == "missing":
        if param is None:
            return InvalidRequest("The request has no body.")
        return InvalidRequest(f"Missing required parameter: '{param}'.", param=param)
    where = f"'{param}'" if param else "the body"
    return InvalidRequest(f"Invalid value for {where}: {readable(first['msg'])}.", param=param)


def readable(message: str) -> str:
    """A message of pydantic's without the prefix that it gives to ours."""
    return message.removeprefix("Value error, ")


def _param(loc: Sequence[int | str]) -> str | None:
    path = ""
    for part in loc:
        if part in ("body", "query", "path", "header") and not path:
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or None
