"""Whether a speech is complete as good as at once: then its length can be said before it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from parley_tts.engine import Chunk


async def begun(
    chunks: AsyncGenerator[Chunk, None], within_s: float
) -> tuple[Sequence[Chunk], AsyncGenerator[Chunk, None] | None]:
    """The chunks up to `within_s` after the first; and all of them, or None if those are all.

    Raises:
        ApiError, EngineError: whatever `chunks` raises in that time; it is closed then.
    """
    loop = asyncio.get_running_loop()
    head: list[Chunk] = []
    ends: float | None = None
    upcoming = asyncio.create_task(_next(chunks))
    try:
        while True:
            await asyncio.wait({upcoming}, timeout=_left(ends, loop.time()))
            if not upcoming.done():
                return head, _all(head, upcoming, chunks)
            chunk = upcoming.result()
            if chunk is None:
                return head, None
            head.append(chunk)
            ends = ends or loop.time() + within_s
            upcoming = asyncio.create_task(_next(chunks))
    except BaseException:
        await _close(upcoming, chunks)
        raise


async def replayed(chunks: Sequence[Chunk]) -> AsyncGenerator[Chunk, None]:
    """What is there already, as an engine would yield it."""
    for chunk in chunks:
        yield chunk


async def _all(
    head: Sequence[Chunk],
    upcoming: asyncio.Task[Chunk | None],
    chunks: AsyncGenerator[Chunk, None],
) -> AsyncGenerator[Chunk, None]:
    try:
        for chunk in head:
            yield chunk
        following = await upcoming
        if following is not None:
            yield following
            async for chunk in chunks:
                yield chunk
    finally:
        await _close(upcoming, chunks)


def _left(ends: float | None, now: float) -> float | None:
    return None if ends is None else max(ends - now, 0.0)


async def _next(chunks: AsyncGenerator[Chunk, None]) -> Chunk | None:
    return await anext(chunks, None)


async def _close(upcoming: asyncio.Task[Chunk | None], chunks: AsyncGenerator[Chunk, None]) -> None:
    upcoming.cancel()
    await asyncio.gather(upcoming, return_exceptions=True)
    await chunks.aclose()
