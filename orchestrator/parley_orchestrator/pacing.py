"""Speech no faster than it is of use.

For its transcripts LiveKit works on every piece of speech before it lets others run: a voice that
makes seconds of speech at once would delay its own first sound, and whoever speaks meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator

from livekit import rtc

_AHEAD_S = 0.4
_TIMES_REAL_TIME = 4.0


async def paced(
    frames: AsyncGenerator[rtc.AudioFrame, None],
) -> AsyncGenerator[rtc.AudioFrame, None]:
    """`frames`, the first ones at once and more of them four times as fast as they are heard."""
    loop = asyncio.get_running_loop()
    begun, given_s = None, 0.0
    async for frame in frames:
        yield frame
        begun = loop.time() if begun is None else begun
        given_s += frame.duration
        due = begun + (given_s - _AHEAD_S) / _TIMES_REAL_TIME
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
