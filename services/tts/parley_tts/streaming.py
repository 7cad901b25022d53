"""From an engine's chunks to the bytes of a response, as they come; encoding runs in threads."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from starlette.responses import Response

from parley_kit.streaming import Stream, first_of
from parley_tts.encoding import Encoder
from parley_tts.engine import Chunk, Samples

# Encoded at once: what comes first should leave soon, and a thread has its price.
_ENCODED_AT_ONCE_S = 0.5
# Sent at once: in base64 still less than a line that common clients read (64 KiB).
_MAX_PART_BYTES = 24_000


async def encoded(
    chunks: AsyncGenerator[Chunk, None], encoder: Encoder, sample_rate: int
) -> AsyncGenerator[bytes, None]:
    """The encoded speech in parts, none of them empty."""
    async with aclosing(chunks):
        async for chunk in chunks:
            for samples in _slices(chunk.samples, round(_ENCODED_AT_ONCE_S * sample_rate)):
                for part in _parts(await asyncio.to_thread(encoder.encode, samples)):
                    yield part
    for part in _parts(await asyncio.to_thread(encoder.finish)):
        yield part


def _slices(samples: Samples, length: int) -> Iterator[Samples]:
    return (samples[start : start + length] for start in range(0, len(samples), length))


def _parts(data: bytes) -> Iterator[bytes]:
    starts = range(0, len(data), _MAX_PART_BYTES)
    return (data[start : start + _MAX_PART_BYTES] for start in starts)


async def respond(audio: AsyncGenerator[bytes, None], encoder: Encoder) -> Response:
    """Send `audio`; the first part is awaited before the headers, so that it may be a refusal.

    After that a failure aborts the connection: whatever else was said would be noise.

    Raises:
        ApiError: whatever `audio` raises before its first part.
    """
    encoding = encoder.encoding
    if encoding.is_file:
        async with aclosing(audio):
            whole = b"".join([part async for part in audio])
        return Response(whole, media_type=encoding.media_type)
    return Stream(await first_of(audio), audio, encoding.media_type)
