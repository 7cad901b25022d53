"""The services of `bench turn` that take no time, from the side of what is measured."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import httpx2

from parley.bench.process import python, ready_process

WELL = "well"


@dataclass(frozen=True, slots=True)
class Fakes:
    """Where they are; and Gemini can be told how to fail."""

    speech: str
    gemini: str
    qwen: str

    def environment(self, *, chain: str, stt: str = "stt") -> Mapping[str, str]:
        """Of a worker that uses them.

        Args:
            stt: `stt` for the one with a Realtime route, `batch` for the one without.
        """
        return {
            "STT_BASE_URL": f"{self.speech}/{stt}/v1",
            "TTS_BASE_URL": f"{self.speech}/tts/v1",
            "LLM_BASE_URL": f"{self.qwen}/v1",
            "GOOGLE_GEMINI_BASE_URL": self.gemini,
            "GEMINI_API_KEY": "bench",
            "LLM_MODEL": "bench",
            "GEMINI_MODEL": "bench",
            "LLM_CHAIN": chain,
        }

    async def become(self, fault: str) -> None:
        """Let Gemini fail from now on, or be `WELL`."""
        await self._ask("POST", f"/gemini/{quote(fault)}")

    async def asked(self) -> Mapping[str, int]:
        """How often each model was asked."""
        counts: Mapping[str, int] = (await self._ask("GET", "/asked")).json()
        return counts

    async def said(self) -> list[str]:
        """What the voice was given to say since this was last asked, an utterance an entry."""
        said: list[str] = (await self._ask("GET", "/said")).json()
        return said

    async def _ask(self, method: str, path: str) -> httpx2.Response:
        request = httpx2.Request(method, f"{self.speech}{path}")
        with httpx2.Client() as client:
            return (await asyncio.to_thread(client.send, request)).raise_for_status()


@contextmanager
def fakes() -> Iterator[Fakes]:
    with ready_process(python("parley.bench.turn_servers")) as (_, ready):
        yield Fakes(**{name: str(url) for name, url in ready.items()})
