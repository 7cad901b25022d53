"""Listening for engines that take only whole audio: the utterance is heard again as it grows."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from parley_stt.audio.samples import Audio
from parley_stt.engine import Listening, Options, Segment

# What somebody waits for goes first, unless it came much later.
_PATIENCE_S = 0.3


class _Transcriber(Protocol):
    def transcribe(self, audio: Audio, options: Options) -> AsyncGenerator[Segment, None]: ...


@asynccontextmanager
async def rehearing(engine: _Transcriber, options: Options) -> AsyncIterator[Listening]:
    """See `SttEngine.listen`."""
    yield _Rehearing(engine, replace(options, endpointing=None))


class _Rehearing:
    def __init__(self, engine: _Transcriber, options: Options) -> None:
        self._engine = engine
        self._options = options
        self._heard: list[NDArray[np.int16]] = []
        self._last: Sequence[Segment] | None = None

    async def hear(self, samples: NDArray[np.int16]) -> None:
        self._heard.append(samples)
        self._last = None

    async def interim(self) -> str:
        segments = await self._transcribed(replace(self._options, patience_s=_PATIENCE_S))
        return "".join(segment.text for segment in segments).strip()

    async def final(self) -> Sequence[Segment]:
        return await self._transcribed(self._options)

    async def _transcribed(self, options: Options) -> Sequence[Segment]:
        """What was said; nothing is transcribed twice."""
        if self._last is None:
            self._last = await self._transcribe(options)
        return self._last

    async def _transcribe(self, options: Options) -> Sequence[Segment]:
        audio = Audio(np.concatenate(self._heard or [np.zeros(0, np.int16)]))
        async with aclosing(self._engine.transcribe(audio, options)) as segments:
            return [segment async for segment in segments]
