"""Nothing is held back on its way, in either direction, and a hang-up passes at once."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import httpx2
import pytest
from openai import OpenAI
from starlette.requests import Request
from starlette.responses import StreamingResponse
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from parley.bench.gateway_nginx import Gateway, gateway
from parley_stt.app import create_app as create_stt
from parley_stt.settings import SttSettings
from parley_tts.app import create_app as create_tts
from parley_tts.settings import TtsSettings
from tests.gateway.behind import behind, demo, where
from tests.kit.demo import Demo
from tests.serving import open_request, serve, wait_until
from tests.ws_llm.talking import assistant, language_model, talk

FREED_WITHIN_S = 1.0


@contextmanager
def stepping() -> Iterator[tuple[Gateway, list[int]]]:
    """A service that streams a byte and waits for a POST, and notes the pieces of an upload."""
    service, go, pieces = demo("tts"), asyncio.Event(), list[int]()

    @service.get("/v1/audio")
    async def audio() -> StreamingResponse:
        async def body() -> AsyncGenerator[bytes, None]:
            yield b"first"
            await go.wait()
            yield b"last"

        return StreamingResponse(body(), media_type="audio/pcm")

    @service.post("/v1/go")
    async def finish() -> None:
        go.set()

    @service.post("/v1/upload")
    async def upload(request: Request) -> dict[str, int]:
        async for piece in request.stream():
            pieces.append(len(piece))
        return {"bytes": sum(pieces)}

    with behind(service) as front:
        yield front, pieces


def test_the_first_byte_of_a_stream_comes_before_the_last_is_made() -> None:
    with stepping() as (front, _), httpx2.stream("GET", f"{front.url}/tts/v1/audio") as reply:
        chunks = reply.iter_raw()
        first = next(chunks)
        httpx2.post(f"{front.url}/tts/v1/go")
        rest = b"".join(chunks)

    assert (first, rest) == (b"first", b"last")


def test_an_upload_reaches_the_service_while_it_is_sent() -> None:
    with stepping() as (front, pieces):
        host, port = where(front.url).split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(
                b"POST /tts/v1/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n"
                b"Connection: close\r\n\r\nhalf!"
            )
            wait_until(lambda: sum(pieces) == 5, 5, "the first half is there")
            connection.sendall(b"half!")
            reply = b"".join(iter(lambda: connection.recv(65536), b""))

    assert b'{"bytes":10}' in reply


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_hang_up_frees_the_services_place(method: str) -> None:
    engine = Demo()
    service = demo("stt", engine)
    with behind(service) as front:
        connection = open_request(front.url, f"{method} /stt/v1/work")
        wait_until(lambda: engine.work_started == 1, 5, "the work starts")
        connection.close()
        wait_until(lambda: service.admission.load.running == 0, FREED_WITHIN_S, "the place is free")

    assert engine.work_ended == 1


def test_a_hang_up_ends_a_stream() -> None:
    engine = Demo()
    with behind(demo("stt", engine)) as front:
        with httpx2.stream("GET", f"{front.url}/stt/v1/events?fail=hang") as response:
            assert next(response.iter_lines()).startswith("data:")
        wait_until(lambda: engine.work_ended == 1, FREED_WITHIN_S, "the stream's work stops")


def test_a_stream_that_breaks_stays_broken() -> None:
    with behind(demo()) as front, pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(f"{front.url}/stt/v1/bytes")


def test_the_openai_sdk_speaks_and_listens_through_it() -> None:
    stt = create_stt(SttSettings(allow_anonymous=True, engine="pocketsphinx", workers=1))
    tts = create_tts(TtsSettings(allow_anonymous=True))
    with (
        serve(stt) as stt_url,
        serve(tts) as tts_url,
        gateway({"stt": where(stt_url), "tts": where(tts_url)}) as front,
        OpenAI(base_url=f"{front.url}/tts/v1", api_key="none") as speaker,
        OpenAI(base_url=f"{front.url}/stt/v1", api_key="none") as listener,
    ):
        spoken = speaker.audio.speech.create(
            model="tts-1", voice="alloy", input="What time is it now?", response_format="wav"
        )
        heard = listener.audio.transcriptions.create(
            model="whisper-1", file=("question.wav", spoken.content)
        )

    assert "time" in heard.text.lower()


@pytest.mark.anyio
async def test_a_conversation_goes_over_a_websocket_from_its_own_page_only() -> None:
    with (
        serve(language_model()) as llm,
        serve(assistant(llm)) as url,
        gateway({"ws-llm": where(url)}) as front,
    ):
        async with talk(front.url, origin=front.url) as client:
            answer = await client.ask("How long does the flu last?")
        with pytest.raises(InvalidStatus) as refused:
            async with talk(front.url, origin="https://elsewhere.example"):
                pass

    assert answer["type"] == "complete"
    assert refused.value.response.status_code == 403


@pytest.mark.anyio
async def test_a_realtime_session_opens_and_a_hang_up_ends_it() -> None:
    stt = create_stt(SttSettings(allow_anonymous=True, engine="pocketsphinx", workers=1))
    with serve(stt) as url, gateway({"stt": where(url)}) as front:
        address = f"{front.url.replace('http', 'ws', 1)}/stt/v1/realtime?intent=transcription"
        async with connect(address) as session:
            created = json.loads(await session.recv())

    assert created["type"] in ("session.created", "transcription_session.created")


@pytest.mark.anyio
async def test_a_websocket_ends_when_its_service_does() -> None:
    with contextlib.ExitStack() as running:
        llm = running.enter_context(serve(language_model()))
        service = running.enter_context(contextlib.ExitStack())
        url = service.enter_context(serve(assistant(llm)))
        front = running.enter_context(gateway({"ws-llm": where(url)}))
        async with talk(front.url) as client:
            await asyncio.to_thread(service.close)
            with pytest.raises(ConnectionClosed):
                await client.receive()
