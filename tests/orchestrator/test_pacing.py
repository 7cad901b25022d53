"""Speech that is made at once is handed on a little ahead of who listens, and whole."""

import asyncio
from collections.abc import AsyncGenerator

from livekit import rtc

from parley_orchestrator.pacing import paced
from tests.orchestrator.virtual_time import run

RATE = 24_000
PIECE_S = 0.1


def piece() -> rtc.AudioFrame:
    samples = round(RATE * PIECE_S)
    return rtc.AudioFrame(bytes(2 * samples), RATE, 1, samples)


async def made(pieces: int, every_s: float) -> AsyncGenerator[rtc.AudioFrame, None]:
    for _ in range(pieces):
        await asyncio.sleep(every_s)
        yield piece()


def handed_on(pieces: int, every_s: float = 0.0) -> list[float]:
    """When each piece came."""

    async def times() -> list[float]:
        begun = asyncio.get_running_loop().time()
        frames = paced(made(pieces, every_s))
        return [asyncio.get_running_loop().time() - begun async for _ in frames]

    return run(times())


def test_the_first_pieces_come_at_once_and_the_others_before_they_are_needed() -> None:
    came = handed_on(50)

    assert len(came) == 50
    assert came[4] == 0.0
    assert all(at < number * PIECE_S for number, at in enumerate(came) if number)


def test_not_more_comes_than_a_listener_is_ahead_of_soon() -> None:
    came = handed_on(50)

    for at in (0.0, 0.1, 0.5):
        ahead_s = PIECE_S * sum(one <= at for one in came)
        assert ahead_s <= 0.5 + 4 * at + 2 * PIECE_S


def test_a_voice_that_is_slow_is_not_slowed_down() -> None:
    came = handed_on(5, every_s=1.0)

    assert came == [1.0, 2.0, 3.0, 4.0, 5.0]
