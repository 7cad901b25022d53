"""`POST /v1/audio/transcriptions` and `/v1/audio/translations`."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from parley_kit import sse
from parley_kit.app import Service
from parley_kit.context import context_of
from parley_kit.limits import Admission
from parley_stt import replies, upload, wire
from parley_stt.audio.decoder import Decoder
from parley_stt.endpointing import Endpointing
from parley_stt.engine import Options, Segment, SttEngine
from parley_stt.metrics import SttMetrics
from parley_stt.replies import Transcript
from parley_stt.settings import SttSettings
from parley_stt.wire import Task, TranscriptionRequest


@dataclass(frozen=True, slots=True)
class Hearing:
    """A file that is being transcribed; `segments` ends with the context that made it."""

    seconds: float
    segments: AsyncGenerator[Segment, None]


def audio_routes(service: Service, settings: SttSettings, engine: SttEngine) -> APIRouter:
    decoder = Decoder(settings.max_audio_s, settings.max_decode_s)
    listener = Listener(service, decoder, engine)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with decoder:
            yield

    router = APIRouter(prefix="/v1/audio", lifespan=lifespan)
    # Who begins to upload has a place in the queue: nobody sends 25 MiB to be refused, and no more
    # uploads are held in memory than there are places.
    places = Admission(
        settings.max_concurrency + settings.max_queue, 0, settings.max_in_flight_per_key
    )
    endpointing = Endpointing() if settings.vad_filter else None

    async def respond(request: Request, task: Task) -> Response:
        service.health.require_open()
        context = context_of(request.scope)
        service.admission.check(context.key_id)
        async with places.slot(context.key_id):
            uploaded = await upload.read(request)
            asked = wire.parse(wire.fields_of(uploaded.fields), task)
            options = wire.options(asked, engine, endpointing)
            hearing = listener.hear(context.key_id, uploaded.file, options)
            if asked.stream:
                return await sse.respond(_events(hearing, asked), context)
            return await _whole(hearing, asked, options, engine.languages)

    @router.post("/transcriptions", response_model=None)
    async def create_transcription(request: Request) -> Response:
        return await respond(request, "transcribe")

    @router.post("/translations", response_model=None)
    async def create_translation(request: Request) -> Response:
        return await respond(request, "translate")

    return router


class Listener:
    """Decodes each file, then transcribes one at a time for each place of the service.

    Whose file is a bomb has no place of the engine while that is found out.
    """

    def __init__(self, service: Service, decoder: Decoder, engine: SttEngine) -> None:
        self._admission = service.admission
        self._metrics = SttMetrics(service.metrics.registry)
        self._decoder = decoder
        self._engine = engine

    @asynccontextmanager
    async def hear(self, key_id: str, file: bytes, options: Options) -> AsyncIterator[Hearing]:
        """
        Raises:
            InvalidRequest: the file cannot be decoded.
            RateLimited, Overloaded: there is no place.
        """
        audio = await self._decoder.decode(file)
        async with self._admission.slot(key_id):
            segments = self._engine.transcribe(audio, options)
            async with aclosing(self._metrics.measured(audio, segments)) as measured:
                yield Hearing(audio.seconds, measured)


async def _whole(
    hearing: AbstractAsyncContextManager[Hearing],
    asked: TranscriptionRequest,
    options: Options,
    names: Mapping[str, str],
) -> Response:
    async with hearing as heard:
        segments = tuple([segment async for segment in heard.segments])
    transcript = Transcript(segments, heard.seconds, replies.language(segments, options, names))
    body, content_type = replies.render(transcript, asked)
    return Response(body, headers={"content-type": content_type})


async def _events(
    hearing: AbstractAsyncContextManager[Hearing], asked: TranscriptionRequest
) -> AsyncGenerator[bytes, None]:
    """Each as soon as its segment is known."""
    events = replies.Events(asked)
    async with hearing as heard:
        async for segment in heard.segments:
            if delta := events.delta(segment):
                yield sse.event(delta)
    yield sse.event(events.done())
