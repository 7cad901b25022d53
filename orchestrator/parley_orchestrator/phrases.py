"""What is said when something is late or fails: synthesised beforehand and kept as PCM.

Nothing else is needed to play it, no service and no network.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import suppress

import httpx2
from livekit import rtc

from parley_orchestrator.llm.tls import tls_context
from parley_orchestrator.settings import OrchestratorSettings

RATE = 24_000
_BYTES_PER_SAMPLE = 2
_FRAME_S = 0.05
_log = logging.getLogger("parley.orchestrator")


class Phrases:
    """Some sentences and, once `fetch` got it, the speech of each.

    Args:
        texts: the sentences.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(dict.fromkeys(texts))
        self._speech: dict[str, bytes] = {}

    @property
    def missing(self) -> list[str]:
        return [text for text in self.texts if text not in self._speech]

    async def fetch(self, settings: OrchestratorSettings, *, within_s: float) -> None:
        """Ask the speech service for what is missing, one after the other; what fails stays so."""
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(within_s),
                httpx2.AsyncClient(verify=tls_context(), timeout=None) as client,
            ):
                for text in self.missing:
                    await self._fetch(client, settings, text)
        if missing := len(self.missing):
            _log.warning("phrases are missing", extra={"data": {"missing": missing}})

    async def _fetch(
        self, client: httpx2.AsyncClient, settings: OrchestratorSettings, text: str
    ) -> None:
        try:
            self._speech[text] = await _speech(client, settings, text)
        except httpx2.HTTPError as exc:
            error = type(exc).__name__
            _log.warning("a phrase cannot be fetched", extra={"data": {"error": error}})

    def speech(self, text: str) -> bytes:
        """16-bit mono at `RATE`; empty if it was never fetched."""
        return self._speech.get(text, b"")

    def seconds(self, text: str) -> float:
        return len(self.speech(text)) / _BYTES_PER_SAMPLE / RATE

    def frames(self, text: str) -> Iterator[rtc.AudioFrame]:
        step = int(RATE * _FRAME_S) * _BYTES_PER_SAMPLE
        speech = self.speech(text)
        for start in range(0, len(speech), step):
            piece = speech[start : start + step]
            yield rtc.AudioFrame(piece, RATE, 1, len(piece) // _BYTES_PER_SAMPLE)

    async def playing(self, text: str) -> AsyncGenerator[rtc.AudioFrame, None]:
        """As LiveKit's `say` takes it."""
        for frame in self.frames(text):
            yield frame


async def _speech(client: httpx2.AsyncClient, settings: OrchestratorSettings, text: str) -> bytes:
    key = settings.stack_key
    response = await client.post(
        f"{settings.tts_url}/audio/speech",
        headers={"authorization": f"Bearer {key}"} if key else {},
        json={
            "model": settings.tts_model,
            "voice": settings.tts_voice,
            "input": text,
            "response_format": "pcm",
        },
    )
    response.raise_for_status()
    speech = response.content
    return speech[: len(speech) // _BYTES_PER_SAMPLE * _BYTES_PER_SAMPLE]
