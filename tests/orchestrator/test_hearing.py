"""Over Realtime where the service has it, utterance by utterance everywhere else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

import pytest
from aiohttp import web
from livekit import rtc
from livekit.agents.stt import RecognizeStream, SpeechEventType
from livekit.agents.utils import http_context

from parley_kit.app import Service
from parley_kit.errors import SettingsError
from parley_kit.settings import load
from parley_orchestrator import hearing
from parley_orchestrator.routes import Found
from parley_orchestrator.settings import OrchestratorSettings
from parley_stt.app import create_app
from parley_stt.settings import SttSettings
from tests import serving
from tests.orchestrator.contract.asking import until
from tests.orchestrator.fault_proxy import FaultProxy
from tests.serving import serve, stopping
from tests.stt.realtime.talking import RATE, pcm_of, silence
from tests.stt.recordings import WEATHER, WEATHER_TEXT

HEARD_WITHIN_S = 60


def settings_of(url: str, **fields: str) -> OrchestratorSettings:
    return load(OrchestratorSettings, llm_chain="qwen", openai_base_url=url, **fields)


@pytest.mark.anyio
async def test_the_route_is_found_and_not_where_there_is_none() -> None:
    with serve(create_app(SttSettings(allow_anonymous=True))) as url:
        assert await hearing.realtime_at(settings_of(url), within_s=5) == "yes"
        assert await hearing.realtime_at(settings_of(f"{url}/elsewhere"), within_s=5) == "no"


@pytest.mark.anyio
async def test_a_service_that_lets_nobody_in_says_nothing_of_its_routes() -> None:
    with serve(create_app(SttSettings(api_keys="secret"))) as url:
        assert await hearing.realtime_at(settings_of(url), within_s=5) == "unknown"
    assert await hearing.realtime_at(settings_of(url), within_s=1) == "unknown"


class Listener:
    """A service that notes which language it is told, over either route."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[str | None] = asyncio.Queue()
        self.app = web.Application()
        self.open_connections: Callable[[], int] = lambda: 0
        self.app.router.add_get("/stt/v1/realtime", self._realtime)
        self.app.router.add_post("/stt/v1/audio/transcriptions", self._transcribe)

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        update = await socket.receive_json()
        transcription = update["session"]["audio"]["input"]["transcription"]
        self.told.put_nowait(transcription.get("language"))
        return socket

    async def _transcribe(self, request: web.Request) -> web.Response:
        form = await request.post()
        language = form.get("language")
        self.told.put_nowait(language if isinstance(language, str) else None)
        return web.json_response({"text": "hello"})


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Listener, str]]:
    listener = Listener()
    runner = web.AppRunner(listener.app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        server = runner.server
        assert server
        listener.open_connections = lambda: len(server.connections)
        yield listener, f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest.mark.anyio
@pytest.mark.parametrize("found", ["yes", "no"])
@pytest.mark.parametrize(
    ("language", "told"), [("en", "en"), ("de", "de"), ("pt-BR", "pt"), ("auto", None)]
)
async def test_the_language_of_the_callers_is_told_or_left_to_the_service(
    found: Found, language: str, told: str | None
) -> None:
    async with http_context.open(), listening() as (listener, url):
        settings = settings_of(url, stt_language=language)
        stt = hearing.create_stt(settings, realtime=found)
        async with stt:
            if found == "no":
                await stt.recognize(rtc.AudioFrame(bytes(4_800), 24_000, 1, 2_400))
                assert listener.told.get_nowait() == told
            else:
                async with stt.stream():
                    assert await asyncio.wait_for(listener.told.get(), 10) == told


@pytest.mark.anyio
async def test_a_service_that_is_replaced_within_an_utterance_hears_it_and_another_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_GRACE_S", 60)
    utterance = silence(0.3) + pcm_of(WEATHER) + silence(0.7)
    with ExitStack() as replaced, serve(small_service()) as new:
        old = replaced.enter_context(serve(small_service()))
        async with http_context.open(), FaultProxy(old).running() as proxy:
            stt = hearing.create_stt(settings_of(proxy.url), realtime="yes")
            async with stt, stt.stream(conn_options=hearing.CONNECTING) as stream:
                push(stream, utterance)
                await started(stream)
                proxy.lead_to(new)
                async with stopping(old, replaced):
                    first = await final(stream)
                await until(lambda: proxy.accepted == 2)
                push(stream, utterance)
                second = await final(stream)

    assert first == second == WEATHER_TEXT


def small_service() -> Service:
    return create_app(SttSettings(allow_anonymous=True, workers=1))


def push(stream: RecognizeStream, pcm: bytes) -> None:
    stream.push_frame(rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2))


async def started(stream: RecognizeStream) -> None:
    async with asyncio.timeout(HEARD_WITHIN_S):
        while (await anext(stream)).type is not SpeechEventType.START_OF_SPEECH:
            pass


async def final(stream: RecognizeStream) -> str:
    """The next final transcript."""
    async with asyncio.timeout(HEARD_WITHIN_S):
        while (event := await anext(stream)).type is not SpeechEventType.FINAL_TRANSCRIPT:
            pass
    return event.alternatives[0].text


@pytest.mark.anyio
async def test_the_connections_that_were_kept_are_closed_with_it() -> None:
    async with http_context.open(), listening() as (listener, url):
        async with hearing.create_stt(settings_of(url), realtime="no") as stt:
            await stt.recognize(rtc.AudioFrame(bytes(4_800), 24_000, 1, 2_400))
            assert listener.open_connections() == 1
        await until(lambda: not listener.open_connections())


@pytest.mark.parametrize("language", ["English", "e", "en_US", "en-"])
def test_what_is_no_language_is_refused_in_a_sentence(language: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_STT_LANGUAGE"):
        settings_of("http://127.0.0.1:9", stt_language=language)


@pytest.mark.anyio
@pytest.mark.parametrize(("found", "streams"), [("yes", True), ("no", False), ("unknown", False)])
async def test_only_a_service_that_has_the_route_is_spoken_to_over_it(
    found: Found, streams: bool
) -> None:
    stt = hearing.create_stt(settings_of("http://127.0.0.1:9"), realtime=found)

    assert stt.capabilities.streaming is streams
    await stt.aclose()
