"""From an engine's chunks to the bytes of a response, as they come; encoding runs in threads."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass

from parley_tts.encoding import Encoder
from parley_tts.engine import Chunk, Samples, TimedWord

# Of a speech's first chunk: what comes first should leave soon, and a thread has its price.
_FIRST_S = 0.15
_MOST_S = 2.0
# Sent at once: in base64 still less than a line that common clients read (64 KiB).
_MAX_PART_BYTES = 24_000


@dataclass(frozen=True, slots=True)
class Part:
    """The next bytes of an encoded speech; may be none, if there are words."""

    data: bytes
    words: tuple[TimedWord, ...] = ()


async def encoded(
    chunks: AsyncGenerator[Chunk, None], encoder: Encoder
) -> AsyncGenerator[Part, None]:
    """The encoded speech; the words of a chunk come with its first bytes."""
    with closing(encoder):
        async with aclosing(continued(chunks, encoder)) as parts:
            async for part in parts:
                yield part
        async for part in finished(encoder):
            yield part


async def continued(
    chunks: AsyncGenerator[Chunk, None], encoder: Encoder
) -> AsyncGenerator[Part, None]:
    """As `encoded`, of a speech that goes on after these chunks."""
    async with aclosing(chunks):
        async for chunk in chunks:
            words = chunk.words
            for samples in _slices(chunk.samples, encoder):
                for data in _pieces(await asyncio.to_thread(encoder.encode, samples)):
                    yield Part(data, words)
                    words = ()
            if words:
                yield Part(b"", words)


async def finished(encoder: Encoder) -> AsyncGenerator[Part, None]:
    """The end of a speech whose chunks have been encoded."""
    for data in _pieces(await asyncio.to_thread(encoder.finish)):
        yield Part(data)


def _slices(samples: Samples, encoder: Encoder) -> Iterator[Samples]:
    """Each twice as long as the one before, from the beginning of the speech on."""
    start = 0
    while start < len(samples):
        seconds = min(max(_FIRST_S, encoder.seconds), _MOST_S)
        end = start + round(seconds * encoder.engine_rate)
        yield samples[start:end]
        start = end


def _pieces(data: bytes) -> Iterator[bytes]:
    starts = range(0, len(data), _MAX_PART_BYTES)
    return (data[start : start + _MAX_PART_BYTES] for start in starts)


async def audio_of(parts: AsyncGenerator[Part, None]) -> AsyncGenerator[bytes, None]:
    """The bytes alone, in pieces none of which is empty."""
    async with aclosing(parts):
        async for part in parts:
            if part.data:
                yield part.data


async def gathered(parts: AsyncGenerator[Part, None]) -> list[Part]:
    async with aclosing(parts):
        return [part async for part in parts]
