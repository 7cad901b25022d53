"""Server-sent events as OpenAI sends them: data-only, and an `error` event when a stream fails."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self

from parley_kit.edge import RequestContext
from parley_kit.errors import ApiError, DeadlineExceeded, InternalError
from parley_kit.streaming import Stream, first_of

log = logging.getLogger("parley.sse")

HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}
DONE = b"data: [DONE]\n\n"


def event(data: object) -> bytes:
    """One event, serialised."""
    return b"data: %s\n\n" % json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


async def respond(events: AsyncGenerator[bytes, None], context: RequestContext) -> Stream:
    """Stream `events`; the first is awaited before the headers, so that it may still be a refusal.

    Raises:
        ApiError: whatever `events` raises before its first event.
    """
    first = await first_of(events)
    return Stream(_guarded(first, events, context), "text/event-stream", HEADERS)


async def _guarded(
    first: bytes, events: AsyncGenerator[bytes, None], context: RequestContext
) -> AsyncGenerator[bytes, None]:
    """The whole stream; a failure after the first event becomes the stream's last event."""
    async with aclosing(events):
        try:
            with _Deadline(context) as deadline:
                yield first
                while (chunk := await deadline.next_of(events)) is not None:
                    yield chunk
        except ApiError as exc:
            yield event(exc.envelope())
        except Exception as exc:
            log.error("stream failed", exc_info=exc)
            yield event(InternalError().envelope())


class _Deadline:
    """Ends the wait for an event at the request's deadline, and never the sending of one.

    `asyncio.timeout` around a generator's `yield` would cancel whoever consumes it, and one
    around each event costs a tenth of what an event costs.
    """

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._passed = False
        self._waiting: asyncio.Task[object] | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._handle = loop.call_at(self._context.deadline, self._pass)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.cancel()

    def _pass(self) -> None:
        self._passed = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def next_of(self, events: AsyncGenerator[bytes, None]) -> bytes | None:
        """The next event, or None at the end.

        Raises:
            DeadlineExceeded: it did not come in time.
        """
        if self._passed:
            raise DeadlineExceeded(self._context.timeout_s)
        self._waiting = asyncio.current_task()
        try:
            return await anext(events, None)
        except asyncio.CancelledError:
            if not self._passed or self._waiting is None:
                raise
            self._waiting.uncancel()
            raise DeadlineExceeded(self._context.timeout_s) from None
        finally:
            self._waiting = None
