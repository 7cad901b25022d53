"""What TTS said, for STT to hear; a tone where it says nothing in time."""

import asyncio
import math
import struct

from parley.client import SAMPLE_RATE

_WAIT_S = 12.0
_TONE_HZ = 220
_TONE_S = 1.0
_AMPLITUDE = 8_000


class Speech:
    """Handed from one check to another of the same stack."""

    def __init__(self) -> None:
        self._pcm: bytes | None = None
        self._ended = asyncio.Event()

    def tell(self, pcm: bytes) -> None:
        """Signed 16 bit mono at `SAMPLE_RATE`."""
        self._pcm = pcm

    def end(self) -> None:
        """Nothing more is to come."""
        self._ended.set()

    async def heard(self) -> tuple[bytes, bool]:
        """The audio, and whether it is speech."""
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._ended.wait()
        except TimeoutError:
            return tone(), False
        return (tone(), False) if self._pcm is None else (self._pcm, True)


def tone() -> bytes:
    """A second of a low tone: signed 16 bit mono at `SAMPLE_RATE`."""
    step = 2 * math.pi * _TONE_HZ / SAMPLE_RATE
    samples = (round(_AMPLITUDE * math.sin(step * i)) for i in range(int(SAMPLE_RATE * _TONE_S)))
    return b"".join(struct.pack("<h", sample) for sample in samples)
