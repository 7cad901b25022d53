"""A reply of vLLM's on its way out: a good one passes as it is, an error becomes the envelope."""

from collections.abc import Awaitable

from starlette.types import Message, Send

from parley_kit import sse
from parley_kit.errors import ApiError
from parley_llm.foreign_errors import MAX_BYTES, translate

_EVENT_STREAM = b"text/event-stream"


class Answer:
    """The application's `send`, and what it has sent."""

    __slots__ = ("_ended", "_failed", "_passing", "_send", "error", "streams")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._passing = False
        self._ended = False
        self._failed: tuple[Message, bytearray] | None = None
        self.error: ApiError | None = None
        """What vLLM refused with; nothing of that has been sent."""
        self.streams = False
        """Whether events are being sent, so that an error can still be one of them."""

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message on, or keep it when it is of an error, or drop it when nobody is there.

        It is no coroutine of its own, which every event of a stream would pay for.
        """
        return self._send(message) if self._passing else self._consider(message)

    async def _consider(self, message: Message) -> None:
        if self._ended:
            return
        if self._failed is not None:
            self._collect(message, *self._failed)
        elif message["status"] >= 300:
            self._failed = message, bytearray()
        else:
            self.streams = _content_type(message).startswith(_EVENT_STREAM)
            self._passing = True
            await self._send(message)

    def _collect(self, message: Message, start: Message, body: bytearray) -> None:
        if len(body) < MAX_BYTES:
            body += message.get("body", b"")
        if not message.get("more_body", False):
            headers = {
                n.decode("latin-1").lower(): v.decode("latin-1") for n, v in start["headers"]
            }
            self.error = translate(start["status"], bytes(body), headers)

    def end(self) -> None:
        """Send nothing more: the caller has gone, or has waited long enough."""
        self._ended = True
        self._passing = False

    async def end_with(self, error: ApiError) -> None:
        """Make `error` the last event of the stream."""
        last = sse.event(error.envelope())
        await self._send({"type": "http.response.body", "body": last, "more_body": False})


def _content_type(start: Message) -> bytes:
    headers: list[tuple[bytes, bytes]] = start.get("headers", [])
    return next((value for name, value in headers if name.lower() == b"content-type"), b"")
