"""A streamed body that is closed however its sending ends."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_UNBUFFERED = {"cache-control": "no-cache", "x-accel-buffering": "no"}


class Stream(Response):
    """Sends what a generator yields as it yields it, and closes the generator.

    Starlette's `StreamingResponse` leaves a generator whose reader went away to the garbage
    collector, and with it the place of the engine that the generator holds. It also listens for
    the hang-up in a task of its own, which the edge does for every request already.

    Args:
        first: the first chunk (see `first_of`).
        chunks: the others.
        media_type: the Content-Type.
    """

    def __init__(self, first: bytes, chunks: AsyncGenerator[bytes, None], media_type: str) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self._first = first
        self._chunks = chunks
        self.init_headers(_UNBUFFERED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._chunks):
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            await self.send_chunks(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def send_chunks(self, send: Send) -> None:
        """Send the body; an exception breaks the transfer off."""
        await send_chunk(send, self._first)
        async for chunk in self._chunks:
            await send_chunk(send, chunk)


async def send_chunk(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def first_of(chunks: AsyncGenerator[bytes, None]) -> bytes:
    """The first chunk, awaited before any header is sent, so that it may still be a refusal.

    Raises:
        ApiError: whatever `chunks` raises before its first chunk; it is closed then.
    """
    try:
        return await anext(chunks)
    except BaseException:
        await chunks.aclose()
        raise
