"""Callers of an STT service."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

import httpx2

from parley.errors import ServiceFailed


class SttCaller:
    """Transcribes files; use it as an async context manager."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.AsyncClient(base_url=f"{url}/stt/v1", timeout=600)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def transcribe(self, file: bytes, **fields: str) -> float:
        """Seconds until the transcript has come.

        Raises:
            ServiceFailed: there is none.
        """
        started = time.perf_counter()
        response = await self._client.post(
            "/audio/transcriptions",
            data={"model": "whisper-1", "language": "en", **fields},
            files={"file": ("a.wav", file)},
        )
        seconds = time.perf_counter() - started
        if not (response.is_success and response.json()["text"]):
            raise ServiceFailed(f"A request of the benchmark got {response.status_code}.")
        return seconds


async def closed_loop(
    url: str, file: bytes, callers: int, each: int
) -> tuple[float, Sequence[float]]:
    """Requests a second, and the seconds of each, of callers who ask again after each answer."""

    async def one(caller: SttCaller) -> list[float]:
        return [await caller.transcribe(file) for _ in range(each)]

    async with SttCaller(url) as caller:
        started = time.perf_counter()
        results = await asyncio.gather(*(one(caller) for _ in range(callers)))
        wall = time.perf_counter() - started
    return callers * each / wall, [seconds for result in results for seconds in result]


async def while_running(
    work: Awaitable[object], job: Callable[[], Awaitable[float]]
) -> list[float]:
    """What `job` returns each time, over and over for as long as `work` is under way."""
    running = asyncio.ensure_future(work)
    measured = []
    while not running.done():
        measured.append(await job())
    await running
    return measured[:-1] or measured  # during the last it ended
