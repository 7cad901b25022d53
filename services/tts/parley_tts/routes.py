"""`POST /v1/audio/speech`, and the lists of what speaks."""

from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request
from starlette.responses import Response

from parley_kit import sse
from parley_kit.app import Service
from parley_kit.edge import context_of
from parley_kit.errors import InvalidRequest, ModelNotFound
from parley_tts.encoding import ENCODINGS, Encoder
from parley_tts.engine import Speech, TtsEngine
from parley_tts.measures import SynthesisMetrics
from parley_tts.settings import TtsSettings
from parley_tts.streaming import encoded, respond
from parley_tts.wire import SpeechRequest, delta, done, voice_id_list, voice_list


def speech_routes(service: Service, settings: TtsSettings, engine: TtsEngine) -> APIRouter:
    router = APIRouter(prefix="/v1")
    metrics = SynthesisMetrics(service.metrics.registry, engine.sample_rate)

    @router.post("/audio/speech", response_model=None)
    async def create_speech(body: SpeechRequest, request: Request) -> Response:
        speech = _checked(body, settings, engine)
        service.health.require_ready()
        context = context_of(request.scope)
        encoder = Encoder(ENCODINGS[body.response_format], engine.sample_rate)
        chunks = service.admission.holding(context.key_id, metrics.watch(engine.speak(speech)))
        audio = encoded(chunks, encoder, engine.sample_rate)
        if body.stream_format == "sse":
            return await sse.respond(_events(audio, body.input, encoder), context)
        return await respond(audio, encoder)

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


def _checked(body: SpeechRequest, settings: TtsSettings, engine: TtsEngine) -> Speech:
    if body.model not in engine.models:
        raise ModelNotFound(body.model)
    if len(body.input) > settings.max_input_chars:
        raise InvalidRequest(
            f"Invalid value for 'input': it has {len(body.input)} characters, and at most "
            f"{settings.max_input_chars} are allowed.",
            param="input",
            code="string_above_max_length",
        )
    return Speech(body.input, _voice(body.voice, engine), body.speed)


def _voice(name: str, engine: TtsEngine) -> str:
    """The id of the voice that `name` stands for."""
    own = [voice.id for voice in engine.voices]
    if name in own:
        return name
    if name not in engine.openai_voices:
        known = ", ".join([*own, *engine.openai_voices])
        raise InvalidRequest(
            f"Invalid value for 'voice': supported values are {known}.", param="voice"
        )
    return engine.openai_voices[name]


async def _events(
    audio: AsyncGenerator[bytes, None], text: str, encoder: Encoder
) -> AsyncGenerator[bytes, None]:
    async with aclosing(audio):
        async for part in audio:
            yield sse.event(delta(b64encode(part).decode("ascii")))
    yield sse.event(done(text, encoder.seconds))
