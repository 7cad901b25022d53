"""Callers of a TTS service: players of raw PCM, which is never held back to fill a frame."""

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self

import httpx2

from parley.bench.playback import Arrival, ChunkStart, Heard
from parley.errors import ServiceFailed

_BYTES_PER_S = 2 * 24_000
_DATA = "data: "


class TtsCaller:
    """Asks for speech; use it as an async context manager."""

    def __init__(self, url: str, model: str, voice: str, speed: float = 1.0) -> None:
        self._client = httpx2.AsyncClient(base_url=f"{url}/tts/v1", timeout=600)
        self._fields: dict[str, object] = {
            "model": model, "voice": voice, "speed": speed, "response_format": "pcm",
        }  # fmt: skip

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def hear(self, text: str) -> Heard:
        """Raw audio, as most players read it.

        Raises:
            ServiceFailed: there is none.
        """
        asked = time.perf_counter()
        arrivals = []
        async with self._client.stream(
            "POST", "/audio/speech", json={**self._fields, "input": text}
        ) as response:
            _check(response)
            async for part in response.aiter_raw():
                arrivals.append(Arrival(time.perf_counter(), len(part) / _BYTES_PER_S))
        _check_audio(arrivals)
        return Heard(asked, arrivals, time.perf_counter())

    async def follow(self, text: str) -> Heard:
        """Server-sent events with the times of the words, which tell where chunks begin.

        Raises: see `hear`.
        """
        asked = time.perf_counter()
        arrivals: list[Arrival] = []
        chunks: list[ChunkStart] = []
        kind = ""
        body = {**self._fields, "input": text, "stream_format": "sse", "word_timestamps": True}
        async with self._client.stream("POST", "/audio/speech", json=body) as response:
            _check(response)
            async for now, event in _events(response):
                kind = event.get("type", "error")
                if kind == "speech.audio.delta":
                    arrivals.append(Arrival(now, len(b64decode(event["audio"])) / _BYTES_PER_S))
                elif kind == "speech.audio.words":
                    # They come right after the first audio of their chunk.
                    chunks.append(ChunkStart(arrivals[-1].at, event["words"][-1]["span"][1]))
        if kind != "speech.audio.done":
            raise ServiceFailed("A stream of the benchmark ended with an error.")
        _check_audio(arrivals)
        return Heard(asked, arrivals, time.perf_counter(), chunks)


async def _events(response: httpx2.Response) -> AsyncIterator[tuple[float, dict[str, Any]]]:
    """When each came, and what it says."""
    async for line in response.aiter_lines():
        if line.startswith(_DATA):
            yield time.perf_counter(), json.loads(line.removeprefix(_DATA))


async def at_once(caller: TtsCaller, texts: Sequence[str]) -> list[Heard]:
    """Each text by a caller of its own, all at the same moment."""
    return await asyncio.gather(*(caller.follow(text) for text in texts))


def _check(response: httpx2.Response) -> None:
    if not response.is_success:
        raise ServiceFailed(f"A request of the benchmark got {response.status_code}.")


def _check_audio(arrivals: Sequence[Arrival]) -> None:
    if not arrivals:
        raise ServiceFailed("A request of the benchmark got no audio.")
