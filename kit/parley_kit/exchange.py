"""One request and its response on their way through the edge.

Runs the application between the two: counts and times the body that it receives, wakes it when the
caller hangs up or the deadline passes, looks at what it sends, and answers where it could not.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parley_kit.context import RequestContext, path_below_root
from parley_kit.errors import ApiError, BodyTooLarge, BodyTooSlow, DeadlineExceeded, InternalError
from parley_kit.pace import Pace

CLIENT_CLOSED_REQUEST = 499
# After its deadline a stream may still say so in an event of its own before it is cut off.
_LAST_WORDS_S = 1.0
# A caller who goes on sending after its answer is read for so long, and up to the body's limit.
_LINGERS_S = 0.5


class Exchange:
    """See the module."""

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
        pace: Pace,
        max_body_bytes: int,
    ) -> None:
        """
        Args:
            pace: how slowly the body may come.
        """
        self.scope = scope
        self.context = context
        self.path = path_below_root(scope)
        self.started = time.perf_counter()
        self.status = 0
        self.ttfb: float | None = None
        self._receive = receive
        self._send = send
        self._max_body = max_body_bytes
        self._pace = pace
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
