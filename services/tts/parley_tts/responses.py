"""A speech as a response, in each of the ways in which it is sent."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import TypeAlias

from starlette.responses import JSONResponse, Response

from parley_kit import sse
from parley_kit.edge import RequestContext
from parley_kit.streaming import Stream, first_of
from parley_tts import replies
from parley_tts.encoding import Encoder, filed, streamed
from parley_tts.engine import Chunk
from parley_tts.lookahead import begun, replayed
from parley_tts.order import Delivery, Order
from parley_tts.streaming import audio_of, collected, encoded

Chunks: TypeAlias = AsyncGenerator[Chunk, None]

# A speech of one chunk, or one from the cache, has ended by then; nobody hears the wait.
_AT_ONCE_S = 0.005


async def respond(
    chunks: Chunks, order: Order, engine_rate: int, context: RequestContext
) -> Response:
    """Send the speech; its first bytes are awaited before the headers, as they may be a refusal.

    After them a failure is the last event, or aborts the connection: whatever else was said
    would be noise.

    Args:
        engine_rate: of the chunks, in Hz.

    Raises:
        ApiError, EngineError: whatever `chunks` raises before the first bytes.
    """
    if order.delivery is Delivery.EVENTS:
        encoder = streamed(order.form, order.rate, engine_rate)
        return await sse.respond(_events(chunks, order, encoder), context)
    return await _BODIES[order.delivery](chunks, order, engine_rate)


async def _events(chunks: Chunks, order: Order, encoder: Encoder) -> AsyncGenerator[bytes, None]:
    async with aclosing(encoded(chunks, encoder)) as parts:
        async for part in parts:
            if part.data:
                yield sse.event(replies.delta(part.data))
            if part.words and order.words:
                words = replies.timed(order.text, part.words, encoder.delay_s)
                yield sse.event(replies.words_event(words))
    yield sse.event(replies.done(order.text, encoder.seconds))


async def _stream(chunks: Chunks, order: Order, engine_rate: int) -> Response:
    audio = audio_of(encoded(chunks, streamed(order.form, order.rate, engine_rate)))
    return Stream(await first_of(audio), audio, order.form.media_type)


async def _file(chunks: Chunks, order: Order, engine_rate: int) -> Response:
    whole = await collected(encoded(chunks, filed(order.form, order.rate, engine_rate)))
    return Response(whole.data, media_type=order.form.media_type)


async def _file_if_short(chunks: Chunks, order: Order, engine_rate: int) -> Response:
    head, everything = await begun(chunks, _AT_ONCE_S)
    if everything is None:
        return await _file(replayed(head), order, engine_rate)
    return await _stream(everything, order, engine_rate)


async def _object(chunks: Chunks, order: Order, engine_rate: int) -> Response:
    encoder = filed(order.form, order.rate, engine_rate)
    whole = await collected(encoded(chunks, encoder))
    words = replies.timed(order.text, whole.words, encoder.delay_s) if order.words else None
    return await asyncio.to_thread(
        lambda: JSONResponse(replies.whole(whole.data, encoder, order.text, words))
    )


_BODIES: Mapping[Delivery, Callable[[Chunks, Order, int], Awaitable[Response]]] = MappingProxyType(
    {
        Delivery.STREAM: _stream,
        Delivery.FILE: _file,
        Delivery.FILE_IF_SHORT: _file_if_short,
        Delivery.OBJECT: _object,
    }
)
