"""The shell around the embedded engines: a thread of its own, piece after piece.

The engines are C libraries that are not re-entrant, so each has one thread, and every piece of
every speech waits for it in one queue: speeches that run at once take turns piece by piece, and
one that is cancelled stops after the piece that is being spoken.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from parley_kit.errors import InvalidRequest
from parley_tts.engine import Chunk, Samples, Speech, Voice
from parley_tts.settings import TtsSettings
from parley_tts.speakable import clean, is_speakable
from parley_tts.splitting import pieces

_WARM_UP = "Hello."
_SILENCE_S = 0.2


class Synthesiser(Protocol):
    """A library that turns a piece of text into samples."""

    name: str
    voices: Sequence[Voice]
    openai_voices: Mapping[str, str]
    sample_rate: int

    def load(self) -> None:
        """
        Raises:
            SettingsError: the library is not installed; says what to do.
        """

    def spelling(self, text: str) -> str:
        """`text`, cleaned, as this library can read it; pure."""

    def synthesise(self, text: str, voice: str, speed: float) -> Samples:
        """
        Args:
            text: spelled for this library, with something to say in it.

        Raises:
            EngineError: it failed.
        """


class EmbeddedEngine:
    """A `TtsEngine` out of a `Synthesiser`."""

    def __init__(self, synthesiser: Synthesiser, settings: TtsSettings) -> None:
        self.models: Sequence[str] = (synthesiser.name, *settings.served_models)
        self.voices = synthesiser.voices
        self.openai_voices = synthesiser.openai_voices
        self.sample_rate = synthesiser.sample_rate
        self._synthesiser = synthesiser
        self._max_piece_chars = settings.max_piece_chars
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=synthesiser.name)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._synthesiser.load)
        await self._synthesise(_WARM_UP, self.voices[0].id, 1.0)

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    def status(self) -> Mapping[str, object]:
        return {"engine": self.models[0], "model": self.models[0], "device": "cpu"}

    async def speak(self, speech: Speech) -> AsyncGenerator[Chunk, None]:
        """See `TtsEngine.speak`; a chunk is a sentence, or a short silence if there is none."""
        spellings = self._spellings(speech.text)
        for spelling in spellings:
            yield await self._synthesise(spelling, speech.voice, speech.speed)
        if not spellings:
            yield Chunk(np.zeros(round(_SILENCE_S * self.sample_rate), np.int16), 0.0)

    def _spellings(self, text: str) -> list[str]:
        """
        Raises:
            InvalidRequest: the text has words, and this engine cannot read any of them.
        """
        cleaned = clean(text)
        found = [self._synthesiser.spelling(p) for p in pieces(cleaned, self._max_piece_chars)]
        speakable = [spelling for spelling in found if is_speakable(spelling)]
        if not speakable and is_speakable(cleaned):
            raise InvalidRequest(
                f"The {self._synthesiser.name} engine cannot read this script.", param="input"
            )
        return speakable

    async def _synthesise(self, text: str, voice: str, speed: float) -> Chunk:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._timed, text, voice, speed)

    def _timed(self, text: str, voice: str, speed: float) -> Chunk:
        started = time.perf_counter()
        samples = self._synthesiser.synthesise(text, voice, speed)
        return Chunk(samples, time.perf_counter() - started)
