"""Short texts that are said again and again (greetings, fillers) are synthesised once.

What is kept is the sound before it is encoded, under everything that changes it: text, voices and
their shares, speed, language, normalisation. The least recently used goes when there is no room.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TypeAlias

from parley_tts.engine import Chunk, Manner, Script, TtsEngine, Voice, Whole

_Key: TypeAlias = tuple[Manner, str]
# A word's times and span, and a chunk's own objects, roughly.
_BYTES_PER_WORD = 200
_BYTES_PER_CHUNK = 500


class PhraseCache:
    """Chunks by what they were made from, at most `max_bytes` of them. Pure."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[_Key, Sequence[Chunk]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._bytes

    def get(self, key: _Key) -> Sequence[Chunk] | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: _Key, chunks: Sequence[Chunk]) -> None:
        """Keep chunks, unless they alone are too much."""
        size = _size(key, chunks)
        if size > self._max_bytes:
            return
        self._bytes += size - _size(key, self._kept.pop(key, ()))
        self._kept[key] = chunks
        while self._bytes > self._max_bytes:
            self._bytes -= _size(*self._kept.popitem(last=False))


def _size(key: _Key, chunks: Sequence[Chunk]) -> int:
    if not chunks:
        return 0
    held = sum(one.samples.nbytes + _BYTES_PER_WORD * len(one.words) for one in chunks)
    return held + _BYTES_PER_CHUNK * len(chunks) + 4 * len(key[1])


class CachingEngine:
    """A `TtsEngine` in front of another one, whose short phrases it remembers."""

    def __init__(self, engine: TtsEngine, cache: PhraseCache, max_chars: int) -> None:
        """
        Args:
            max_chars: of a text that is kept.
        """
        self.models = engine.models
        self.blends = engine.blends
        self.sample_rate = engine.sample_rate
        self._engine = engine
        self._cache = cache
        self._max_chars = max_chars
        self._hits = self._misses = 0

    @property
    def voices(self) -> Sequence[Voice]:
        return self._engine.voices

    @property
    def openai_voices(self) -> Mapping[str, str]:
        return self._engine.openai_voices

    @property
    def languages(self) -> Sequence[str]:
        return self._engine.languages

    async def start(self) -> None:
        await self._engine.start()

    async def close(self) -> None:
        await self._engine.close()

    def status(self) -> Mapping[str, object]:
        cache = {
            "phrases": len(self._cache),
            "bytes": self._cache.size,
            "hits": self._hits,
            "misses": self._misses,
        }
        return {**self._engine.status(), "cache": cache}

    async def speak(self, manner: Manner, script: Script) -> AsyncGenerator[Chunk, None]:
        """See `TtsEngine.speak`; only what was spoken to its end is remembered."""
        if not isinstance(script, Whole) or len(script.text) > self._max_chars:
            chunks = self._engine.speak(manner, script)
        else:
            chunks = self._remembered(manner, script)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    async def _remembered(self, manner: Manner, script: Whole) -> AsyncGenerator[Chunk, None]:
        key = manner, script.text
        known = self._cache.get(key)
        if known is not None:
            self._hits += 1
            for chunk in known:
                yield replace(chunk, engine_s=0.0)
            return
        self._misses += 1
        made = []
        async with aclosing(self._engine.speak(manner, script)) as chunks:
            async for chunk in chunks:
                made.append(chunk)
                yield chunk
        self._cache.put(key, tuple(made))
