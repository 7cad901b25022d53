"""Whether a speech is complete at once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

import numpy as np
import pytest

from parley_tts.engine import Chunk, EngineError
from parley_tts.lookahead import begun

pytestmark = pytest.mark.anyio

AT_ONCE_S = 0.01
LONG_S = 20.0
CHUNKS = [Chunk(np.full(length, 1, np.int16), 0.1) for length in (1, 2, 3)]


class Speech:
    """Chunks, of which those from `held` on wait for the gate."""

    def __init__(self, held: int = len(CHUNKS) + 1, *, fails: bool = False) -> None:
        self.gate = asyncio.Event()
        self.is_closed = False
        self._held = held
        self._fails = fails

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        try:
            for number, chunk in enumerate(CHUNKS):
                await self._pass(number)
                yield chunk
            await self._pass(len(CHUNKS))
            if self._fails:
                raise EngineError("as the test wishes")
        finally:
            self.is_closed = True

    async def _pass(self, number: int) -> None:
        if number >= self._held:
            await self.gate.wait()


async def test_a_speech_that_is_there_is_all() -> None:
    assert await begun(Speech().chunks(), LONG_S) == (CHUNKS, None)


@pytest.mark.parametrize("held", [1, 2, 3])
async def test_a_speech_that_is_not_goes_on_where_it_was(held: int) -> None:
    speech = Speech(held)
    head, everything = await begun(speech.chunks(), AT_ONCE_S)
    assert everything is not None
    speech.gate.set()

    assert head == CHUNKS[:held]
    assert [chunk async for chunk in everything] == CHUNKS
    assert speech.is_closed


async def test_the_first_chunk_is_waited_for() -> None:
    speech = Speech(held=0)
    asyncio.get_running_loop().call_later(5 * AT_ONCE_S, speech.gate.set)

    assert await begun(speech.chunks(), AT_ONCE_S) == (CHUNKS, None)


async def test_a_failure_in_that_time_is_raised() -> None:
    with pytest.raises(EngineError):
        await begun(Speech(fails=True).chunks(), LONG_S)


async def test_a_later_failure_is_raised_where_it_is_met() -> None:
    speech = Speech(held=2, fails=True)
    _, everything = await begun(speech.chunks(), AT_ONCE_S)
    assert everything is not None
    speech.gate.set()

    with pytest.raises(EngineError):
        _ = [chunk async for chunk in everything]


async def test_a_caller_who_is_cancelled_closes_the_speech() -> None:
    speech = Speech(held=0)
    waiting = asyncio.create_task(begun(speech.chunks(), LONG_S))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting

    assert speech.is_closed


async def test_whoever_stops_listening_closes_the_speech() -> None:
    speech = Speech(held=1)
    _, everything = await begun(speech.chunks(), AT_ONCE_S)
    assert everything is not None

    assert await anext(everything) == CHUNKS[0]
    await everything.aclose()
    assert speech.is_closed


async def test_a_listener_who_is_cancelled_closes_the_speech() -> None:
    speech = Speech(held=1)
    _, everything = await begun(speech.chunks(), AT_ONCE_S)
    assert everything is not None
    assert await anext(everything) == CHUNKS[0]
    listening = asyncio.create_task(anext(everything, None))
    await asyncio.sleep(0)
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening

    assert speech.is_closed
