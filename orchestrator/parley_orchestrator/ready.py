"""What a process has ready before its first call: settings, persona, phrases, known routes."""

import logging
from dataclasses import dataclass
from pathlib import Path

from parley_orchestrator import hearing, speaking
from parley_orchestrator.persona import Persona
from parley_orchestrator.phrases import Phrases
from parley_orchestrator.routes import Found
from parley_orchestrator.settings import OrchestratorSettings

_log = logging.getLogger("parley.orchestrator")
_PROBE_S = 1.0


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

    def complete(self, *, within_s: float) -> None:
        """Find out and fetch what is missing; blocks, and leaves out what is away."""
        settings = self.worker.settings
        if self.realtime == "unknown":
            self.realtime = hearing.realtime_at(settings, within_s=_PROBE_S)
        if self.streaming == "unknown":
            self.streaming = speaking.streaming_at(settings, within_s=_PROBE_S)
        if self.phrases.missing:
            # Who did not say whether it is there may hang, and a caller waits.
            patience_s = min(within_s, _PROBE_S) if self.streaming == "unknown" else within_s
            self.phrases.fetch(settings, within_s=patience_s)
        data = {"stt_realtime": self.realtime, "tts_streaming": self.streaming}
        _log.info("speech services asked", extra={"data": data})

    @property
    def is_complete(self) -> bool:
        return "unknown" not in (self.realtime, self.streaming) and not self.phrases.missing


def prepare(worker: Worker, *, within_s: float) -> Ready:
    """Blocks for a few round trips to the speech services, `within_s` at most for the phrases."""
    persona = worker.persona
    ready = Ready(worker, Phrases((persona.greeting, *persona.phrases)))
    ready.complete(within_s=within_s)
    return ready
