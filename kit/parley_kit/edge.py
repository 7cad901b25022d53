"""The edge of every service: one pure ASGI middleware between the server and the application.

For each HTTP request it gives an id, refuses what should not reach the application (headers too
large, ambiguous framing, no key, a body too large or too slow), enforces the deadline, cancels the
application when the caller hangs up, answers what the application failed to answer, counts and
logs. The events of a stream pass through one `if` and nothing else.

It is written against ASGI 3.0 alone, so that it also runs inside servers that are not ours
(`vllm serve --middleware`). `BaseHTTPMiddleware` would cost 55-70 % more CPU per event.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parley_kit.auth import ANONYMOUS, Authenticator
from parley_kit.errors import (
    ApiError,
    BodyTooLarge,
    BodyTooSlow,
    DeadlineExceeded,
    HeadersTooLarge,
    InternalError,
    InvalidRequest,
)
from parley_kit.logging import request_id as request_id_var
from parley_kit.metrics import Metrics
from parley_kit.pace import Pace

log = logging.getLogger("parley.access")

CLIENT_CLOSED_REQUEST = 499
_LOOKED_AT = ("/v1/models", "/metrics")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# After its deadline a stream may still say so in an event of its own before it is cut off.
_LAST_WORDS_S = 1.0
# A caller who goes on sending after its answer is read for so long, and up to the body's limit.
_LINGERS_S = 0.5


@dataclass(frozen=True, slots=True)
class EdgePolicy:
    """What the edge lets through. Paths are those below the service's root path."""

    authenticator: Authenticator
    is_open: Callable[[str, str], bool]
    max_body_bytes: int
    min_body_bytes_per_s: int
    max_body_wait_s: float
    max_header_bytes: int
    request_timeout_s: float


@dataclass(slots=True)
class RequestContext:
    """What the application may want to know of its request; found at `scope["state"]["parley"]`."""

    request_id: str
    key_id: str = ANONYMOUS
    deadline: float = float("inf")
    """On the clock of the event loop."""
    timeout_s: float = float("inf")


def context_of(scope: Scope) -> RequestContext:
    """The context that the edge made for this request."""
    context: RequestContext = scope["state"]["parley"]
    return context


class EdgeMiddleware:
    """See the module."""

    def __init__(self, app: ASGIApp, policy: EdgePolicy, metrics: Metrics) -> None:
        self._app = app
        self._policy = policy
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = _Headers(scope)
        context = RequestContext(_request_id(headers.first(b"x-request-id")))
        scope.setdefault("state", {})["parley"] = context
        token = request_id_var.set(context.request_id)
        try:
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                exchange = _Exchange(scope, receive, send, context, self._policy)
                await self._serve(exchange, headers)
        finally:
            request_id_var.reset(token)

    async def _serve(self, exchange: "_Exchange", headers: "_Headers") -> None:
        self._metrics.begin()
        try:
            try:
                self._admit(exchange, headers)
            except ApiError as refusal:
                await exchange.answer(refusal)
            else:
                await exchange.run(self._app, has_body=headers.announce_body)
        finally:
            self._account(exchange)

    def _admit(self, exchange: "_Exchange", headers: "_Headers") -> None:
        """
        Raises:
            ApiError: the request does not reach the application.
        """
        policy, context, scope = self._policy, exchange.context, exchange.scope
        if headers.size > policy.max_header_bytes:
            raise HeadersTooLarge(
                f"The request's headers exceed {policy.max_header_bytes} bytes.",
            )
        length = headers.first(b"content-length")
        if length is not None and headers.first(b"transfer-encoding") is not None:
            # RFC 9112 §6.3: this may be an attempt at request smuggling.
            raise InvalidRequest("Content-Length and Transfer-Encoding exclude each other.")
        if not policy.is_open(scope["method"], exchange.path):
            context.key_id = policy.authenticator.identify(headers.first(b"authorization"))
        if length is not None and _content_length(length) > policy.max_body_bytes:
            raise BodyTooLarge(policy.max_body_bytes, _content_length(length))
        context.timeout_s = _timeout(headers.first(b"x-request-timeout"), policy.request_timeout_s)
        context.deadline = asyncio.get_running_loop().time() + context.timeout_s

    def _account(self, exchange: "_Exchange") -> None:
        seconds = time.perf_counter() - exchange.started
        self._metrics.end(exchange.route, exchange.status, seconds, exchange.ttfb)
        level = logging.DEBUG if _is_a_look(exchange.path, exchange.status) else logging.INFO
        if log.isEnabledFor(level):
            log.log(
                level,
                "%s %s %d",
                exchange.scope["method"],
                exchange.route,
                exchange.status,
                extra={
                    "data": {
                        "status": exchange.status,
                        "ms": round(seconds * 1000, 1),
                        "key": exchange.context.key_id,
                    }
                },
            )


class _Headers:
    """The few headers that the edge reads, and the size of all."""

    __slots__ = ("_raw", "size")

    def __init__(self, scope: Scope) -> None:
        self._raw: list[tuple[bytes, bytes]] = scope["headers"]
        self.size = sum(len(name) + len(value) + 4 for name, value in self._raw)

    @property
    def announce_body(self) -> bool:
        length = self.first(b"content-length")
        return length not in (None, "0") or self.first(b"transfer-encoding") is not None

    def first(self, name: bytes) -> str | None:
        for key, value in self._raw:
            if key == name:
                return value.decode("latin-1")
        return None


class _Exchange:
    """One request and its response on their way through the edge."""

    __slots__ = (
        "_body_read",
        "_bytes",
        "_complete",
        "_empty",
        "_gone",
        "_max_body",
        "_pace",
        "_receive",
        "_send",
        "_timer",
        "_watcher",
        "context",
        "path",
        "scope",
        "started",
        "status",
        "ttfb",
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        context: RequestContext,
        policy: EdgePolicy,
    ) -> None:
        self.scope = scope
        self.context = context
        self.path = path_below_root(scope)
        self.started = time.perf_counter()
        self.status = 0
        self.ttfb: float | None = None
        self._receive = receive
        self._send = send
        self._max_body = policy.max_body_bytes
        self._pace = Pace(policy.min_body_bytes_per_s, policy.max_body_wait_s)
        self._bytes = 0
        self._body_read = False
        self._complete = False
        self._empty: Message | None = None
        self._gone = asyncio.Event()
        self._timer: asyncio.Timeout | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def route(self) -> str:
        """The matched route's template: bounded, so that it can label a metric."""
        route = self.scope.get("route")
        return getattr(route, "path", "unmatched")

    async def run(self, app: ASGIApp, *, has_body: bool) -> None:
        """Run the application until it ends, its deadline passes or the caller hangs up."""
        if not has_body:
            # The application may never ask for a body that is not there; the caller may hang up.
            self._empty = await self.receive()
        timer = asyncio.timeout_at(self.context.deadline)
        try:
            async with timer:
                self._timer = timer
                try:
                    await app(self.scope, self.receive, self.send)
                finally:
                    self._timer = None
        except ClientDisconnect:
            self._gone.set()
        except Exception as exc:  # noqa: BLE001  the caller gets an answer whatever it is
            if not self._gone.is_set():
                await self._fail(exc, timed_out=timer.expired())
        finally:
            if self._watcher is not None:
                self._watcher.cancel()
            if self._gone.is_set() and not self._complete:
                self.status = CLIENT_CLOSED_REQUEST

    async def receive(self) -> Message:
        """The application's `receive`: counts the body, then only waits for the hang-up."""
        if self._empty is not None:
            message, self._empty = self._empty, None
            return message
        if self._body_read:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        message = await self._receive_in_time()
        if message["type"] == "http.disconnect":
            self._gone.set()
            return message
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._max_body:
            raise BodyTooLarge(self._max_body, self._bytes)
        if not message.get("more_body", False):
            self._body_read = True
            self._watcher = asyncio.create_task(self._watch(), name="hang-up watcher")
        return message

    async def _receive_in_time(self) -> Message:
        """
        Raises:
            BodyTooSlow: the client has used up the patience with it.
        """
        clock = asyncio.get_running_loop().time
        asked = clock()
        try:
            async with asyncio.timeout(self._pace.patience_s):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow from None
        self._pace.arrived(len(message.get("body", b"")), clock() - asked)
        return message

    async def _watch(self) -> None:
        """Nothing but `http.disconnect` can follow the body: wake the application with it."""
        await self._receive()
        if not self._complete:
            self._gone.set()
            self._end_at(asyncio.get_running_loop().time())

    def _end_at(self, when: float) -> None:
        if self._timer is not None and not self._timer.expired():
            self._timer.reschedule(when)

    def send(self, message: Message) -> Awaitable[None]:
        """The application's `send`: looks at the first and the last message of a response.

        It is no coroutine of its own, which every event of a stream would pay for.
        """
        if self.ttfb is None or not message.get("more_body"):
            self._look_at(message)
            if self._complete and not self._body_read:
                return self._send_to_a_writer(message)
        return self._send(message)

    async def _send_to_a_writer(self, message: Message) -> None:
        """The end of a response to a client that is still sending its request.

        A connection that is closed upon bytes that nobody read is reset, and whoever sends all
        before it reads, as a gateway may, never sees the response: so some of the rest is read.
        """
        await self._send({**message, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGERS_S):
                await self._discard(self._max_body)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _discard(self, most: int) -> None:
        while most > 0:
            message = await self._receive()
            most -= len(message.get("body", b""))
            if not message.get("more_body", False):
                return

    def _look_at(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            raw = message.setdefault("headers", [])
            raw_id = self.context.request_id.encode("latin-1")
            message["headers"] = [*raw, (b"x-request-id", raw_id)]
            self._end_at(self.context.deadline + _LAST_WORDS_S)
            return
        self._complete = not message.get("more_body", False)
        if self.ttfb is None and message.get("body"):
            self.ttfb = time.perf_counter() - self.started

    async def answer(self, error: ApiError) -> None:
        """Answer with the envelope of `error`."""
        body = error.body()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **(error.headers or {}),
        }
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        start: dict[str, Any] = {"type": "http.response.start", "status": error.status}
        await self.send({**start, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    async def _fail(self, exc: Exception, *, timed_out: bool) -> None:
        """Answer for an application that could not; after its first byte only cut it off."""
        if self.status:
            raise exc
        if timed_out:
            await self.answer(DeadlineExceeded(self.context.timeout_s))
        elif isinstance(exc, ApiError):
            await self.answer(exc)
        else:
            logging.getLogger("parley.error").error("unhandled error", exc_info=exc)
            await self.answer(InternalError())


def _is_a_look(path: str, status: int) -> bool:
    """Whether somebody only looks whether the service is there, as some do every few seconds."""
    return path in ("/livez", "/readyz") or (path in _LOOKED_AT and status == 200)


def _content_length(header: str) -> int:
    if not (header.isascii() and header.isdigit()):
        raise InvalidRequest("Content-Length must be a number of bytes.")
    return int(header)


def _request_id(given: str | None) -> str:
    if given and _REQUEST_ID.fullmatch(given):
        return given
    return f"req_{uuid4().hex}"


def path_below_root(scope: Scope) -> str:
    """The path as routes are named: without the prefix below which the service is served."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


def _timeout(header: str | None, limit: float) -> float:
    if header is None:
        return limit
    try:
        seconds = float(header)
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        raise InvalidRequest(
            "X-Request-Timeout must be a positive number of seconds.", param="x-request-timeout"
        )
    return min(seconds, limit)
