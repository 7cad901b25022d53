"""Speech to text: over the service's Realtime route where it has one, else utterance by utterance.

Realtime decodes while the caller speaks. Batch needs LiveKit's voice activity detection, which
the session has anyway.
"""

from typing import Any

import httpx2
from livekit.agents import APIConnectOptions
from livekit.plugins import openai
from openai import AsyncOpenAI

from parley_orchestrator.llm.tls import tls_context
from parley_orchestrator.routes import Found, websocket_at
from parley_orchestrator.settings import OrchestratorSettings

# A service that is away for a moment: three more tries within a second, then LiveKit makes a new
# stream every now and then, for as long as the call lasts.
CONNECTING = APIConnectOptions(max_retry=3, retry_interval=0.4, timeout=5.0)

_PREFIX_PADDING_MS = 500
_SILENCE_MS = 250
_DETECTED = "auto"
_KEEP_ALIVE_S = 110.0


async def realtime_at(settings: OrchestratorSettings, *, within_s: float) -> Found:
    """Whether the service transcribes over Realtime."""
    key = settings.stack_key
    return await websocket_at(f"{settings.stt_url}/realtime", key, within_s=within_s)


def create_stt(settings: OrchestratorSettings, *, realtime: Found) -> openai.STT:
    """`unknown` is batch: that works with every server."""
    return _Stt(
        _client(settings),
        model=settings.stt_model,
        language=settings.stt_language,
        detect_language=settings.stt_language == _DETECTED,
        use_realtime=realtime == "yes",
        turn_detection={
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": _PREFIX_PADDING_MS,
            "silence_duration_ms": _SILENCE_MS,
        },
    )


class _Stt(openai.STT):
    """Closes the client that it is given, which the plugin leaves to the giver."""

    def __init__(self, client: AsyncOpenAI, **options: Any) -> None:
        super().__init__(client=client, **options)
        self._given_client = client

    async def aclose(self) -> None:
        await super().aclose()
        await self._given_client.close()


def _client(settings: OrchestratorSettings) -> AsyncOpenAI:
    """LiveKit sets the timeouts of each request, and repeats it."""
    return AsyncOpenAI(
        base_url=settings.stt_url,
        api_key=settings.stack_key or "none",
        max_retries=0,
        http_client=httpx2.AsyncClient(
            verify=tls_context(), limits=httpx2.Limits(keepalive_expiry=_KEEP_ALIVE_S)
        ),
    )
