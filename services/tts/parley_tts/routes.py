"""`POST /v1/audio/speech`, and the lists of what speaks."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from parley_kit.app import Service
from parley_kit.context import context_of
from parley_tts.engine import TtsEngine, Whole
from parley_tts.measures import SynthesisMetrics
from parley_tts.order import ordered
from parley_tts.replies import voice_id_list, voice_list
from parley_tts.responses import respond
from parley_tts.settings import TtsSettings
from parley_tts.wire import SpeechRequest


def speech_routes(
    service: Service, settings: TtsSettings, engine: TtsEngine, metrics: SynthesisMetrics
) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/audio/speech", response_model=None)
    async def create_speech(body: SpeechRequest, request: Request) -> Response:
        service.health.require_open()
        order = ordered(body, engine, settings.max_input_chars)
        context = context_of(request.scope)
        chunks = metrics.watch(engine.speak(order.manner, Whole(order.text)))
        held = service.admission.holding(context.key_id, chunks)
        return await respond(held, order, engine.sample_rate, context)

    return router


def listing_routes(engine: TtsEngine) -> APIRouter:
    router = APIRouter(prefix="/v1/audio")

    @router.get("/voices")
    async def list_voices(legacy: bool = False) -> dict[str, object]:
        return voice_id_list(engine.voices) if legacy else voice_list(engine.voices)

    @router.get("/models")
    async def list_models() -> dict[str, object]:
        return {"models": [{"id": model} for model in engine.models]}

    return router
