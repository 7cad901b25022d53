"""What a process has ready before its first call: settings, persona, phrases, known routes."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from parley_orchestrator import hearing, speaking
from parley_orchestrator.persona import Persona
from parley_orchestrator.phrases import Phrases
from parley_orchestrator.routes import Found
from parley_orchestrator.settings import OrchestratorSettings

_log = logging.getLogger("parley.orchestrator")
_PROBE_S = 1.0
_MISSING_WITHIN_S = 20.0
_MISSING_AGAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Worker:
    """What the processes of one worker share; it can be pickled."""

    settings: OrchestratorSettings
    persona: Persona
    board: Path


@dataclass(slots=True)
class Ready:
    """
    Args:
        realtime: whether the STT transcribes over Realtime.
        streaming: whether the TTS takes text as it is written.
    """

    worker: Worker
    phrases: Phrases
    realtime: Found = "unknown"
    streaming: Found = "unknown"

    async def find_routes(self) -> None:
        """Ask the services that have not told their routes; within a second, a caller may wait."""
        if "unknown" not in (self.realtime, self.streaming):
            return
        await asyncio.gather(self._find_realtime(), self._find_streaming())
        data = {"stt_realtime": self.realtime, "tts_streaming": self.streaming}
        _log.info("speech services asked", extra={"data": data})

    async def fetch_missing_phrases(self, greeting: Awaitable[object]) -> None:
        """In a call, once the greeting was heard, which they would hold up.

        Again and again, for a service that is away may come back.
        """
        await greeting
        while self.phrases.missing:
            await self.phrases.fetch(self.worker.settings, within_s=_MISSING_WITHIN_S)
            await asyncio.sleep(_MISSING_AGAIN_S)

    async def _find_realtime(self) -> None:
        if self.realtime == "unknown":
            self.realtime = await hearing.realtime_at(self.worker.settings, within_s=_PROBE_S)

    async def _find_streaming(self) -> None:
        if self.streaming == "unknown":
            self.streaming = await speaking.streaming_at(self.worker.settings, within_s=_PROBE_S)


async def prepare(worker: Worker, *, within_s: float) -> Ready:
    """Find the routes, and fetch as many phrases as come `within_s`; the call fetches the rest."""
    persona = worker.persona
    ready = Ready(worker, Phrases((persona.greeting, *persona.phrases)))
    await ready.find_routes()
    if ready.streaming != "unknown":
        # Who did not say whether it is there may hang.
        await ready.phrases.fetch(worker.settings, within_s=within_s)
    return ready
