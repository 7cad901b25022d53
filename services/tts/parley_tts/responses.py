"""A speech as a response, in each of the ways in which it is sent."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import TypeAlias

from starlette.responses import Response

from parley_kit import sse
from parley_kit.context import RequestContext
from parley_kit.streaming import Stream, first_of
from parley_tts import replies
from parley_tts.encoding import Encoder, filed, streamed
from parley_tts.engine import Chunk
from parley_tts.lookahead import begun, replayed
from parley_tts.order import Delivery, Order
from parley_tts.streaming import audio_of, encoded, gathered

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
    parts = await gathered(encoded(chunks, filed(order.form, order.rate, engine_rate)))
    whole = b"".join(part.data for part in parts)
    return Response(whole, media_type=order.form.media_type)


async def _file_if_short(chunks: Chunks, order: Order, engine_rate: int) -> Response:
    head, everything = await begun(chunks, _AT_ONCE_S)
    if everything is None:
        return await _file(replayed(head), order, engine_rate)
    return await _stream(everything, order, engine_rate)


async def _object(chunks: Chunks, order: Order, engine_rate: int) -> Response:
    encoder = filed(order.form, order.rate, engine_rate)
    parts = await gathered(encoded(chunks, encoder))
    timed = [word for part in parts for word in part.words]
    words = replies.timed(order.text, timed, encoder.delay_s) if order.words else None
    about = replies.about(encoder, order.text, words)
    body = _sent(replies.whole((part.data for part in parts), about))
    return Stream(await anext(body), body, "application/json")


async def _sent(body: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    for data in body:
        yield data


_BODIES: Mapping[Delivery, Callable[[Chunks, Order, int], Awaitable[Response]]] = MappingProxyType(
    {
        Delivery.STREAM: _stream,
        Delivery.FILE: _file,
        Delivery.FILE_IF_SHORT: _file_if_short,
        Delivery.OBJECT: _object,
    }
)
