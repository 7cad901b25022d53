"""Who is let in, what is refused with the socket open, and what closes it."""

import base64
import json
import logging
import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI
from websockets.exceptions import InvalidStatus

from parley_stt.app import create_app
from parley_stt.settings import SttSettings
from tests.serving import error_of, serve, wait_until
from tests.stt.realtime.talking import (
    COMPLETED,
    Talk,
    pcm_of,
    silence,
    talk,
)
from tests.stt.recordings import WEATHER, WEATHER_TEXT

pytestmark = pytest.mark.anyio

KEY = "k-correct"
CODES = {
    "invalid_json", "invalid_event", "invalid_value", "unknown_parameter", "model_not_found",
    "missing_required_parameter", "input_audio_buffer_full", "input_audio_buffer_commit_empty",
    "session_expired", "message_too_large",
}  # fmt: skip


@pytest.fixture(scope="module")
def locked() -> Iterator[str]:
    """Small, for those who have a key."""
    with serve(
        create_app(SttSettings(api_keys=KEY, workers=1, max_buffer_s=2, max_message_bytes=100_000))
    ) as url:
        yield f"{url}/stt/v1"


def enter(url: str, **options: Any) -> AbstractAsyncContextManager[Talk]:
    """A session with the key."""
    return talk(url, additional_headers={"authorization": f"Bearer {KEY}"}, **options)


async def refused(url: str, query: str = "intent=transcription", **options: Any) -> Any:
    """The status, error and headers of a handshake that fails."""
    with pytest.raises(InvalidStatus) as caught:
        async with talk(url, query, **options):
            pass
    response = caught.value.response
    assert response.headers["x-request-id"]
    return response.status_code, json.loads(response.body)["error"], response.headers


async def error_after(talking: Talk, kind: str, /, **fields: object) -> dict[str, Any]:
    await talking.send(kind, event_id="mine", **fields)
    error: dict[str, Any] = (await talking.until("error"))["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] in CODES
    return error


async def closed(session: Talk) -> int:
    """The code with which the server closes."""
    await session.socket.wait_closed()
    assert session.socket.close_code is not None
    return session.socket.close_code


async def test_a_key_in_the_header(locked: str) -> None:
    async with enter(locked) as session:
        await session.still_works()


async def test_a_key_in_a_subprotocol(locked: str) -> None:
    offered = ["realtime", f"openai-insecure-api-key.{KEY}", "openai-project.x"]
    async with talk(locked, subprotocols=offered) as session:
        assert session.socket.subprotocol == "realtime"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"additional_headers": {"authorization": "Bearer wrong"}},
        {"subprotocols": ["realtime", "openai-insecure-api-key.wrong"]},
    ],
)
async def test_without_the_key_there_is_no_handshake(locked: str, options: dict[str, Any]) -> None:
    status, error, _ = await refused(locked, **options)

    assert (status, error["code"]) == (401, "invalid_api_key")


async def test_a_page_of_another_site_is_refused(stt_url: str) -> None:
    status, error, _ = await refused(stt_url, origin="https://evil.example")

    assert (status, error["code"]) == (403, "origin_not_allowed")
    assert "STT_ALLOWED_ORIGINS" in error["message"]


async def test_listed_pages_may_connect() -> None:
    settings = SttSettings(allow_anonymous=True, workers=1, allowed_origins="https://App.example/")
    with serve(create_app(settings)) as url:
        async with talk(f"{url}/stt/v1", origin="https://app.example") as session:
            await session.still_works()
        # Inside its container the service is at the root too.
        async with talk(f"{url}/v1") as session:
            await session.still_works()


async def test_a_model_in_the_address_is_the_one_that_transcribes(stt_url: str) -> None:
    async with talk(stt_url, "intent=transcription&model=gpt-4o-transcribe") as session:
        told = session.events[0]["session"]["audio"]["input"]["transcription"]

    assert told == {"model": "gpt-4o-transcribe"}


@pytest.mark.parametrize(
    ("query", "status", "param", "code"),
    [
        ("", 400, "intent", None),
        ("intent=conversation", 400, "intent", None),
        ("model=whisper-1", 400, "intent", None),
        ("intent=transcription&model=gpt-5", 404, "model", "model_not_found"),
    ],
)
async def test_other_sessions_are_refused_before_the_handshake(
    stt_url: str, query: str, status: int, param: str, code: str | None
) -> None:
    found, error, _ = await refused(stt_url, query)

    assert (found, error["param"], error["code"]) == (status, param, code)


async def test_a_service_that_loads_lets_nobody_in() -> None:
    app = create_app(SttSettings(allow_anonymous=True, workers=1))
    with serve(app) as url:
        app.health.mark_draining()
        status, error, headers = await refused(f"{url}/stt/v1")

    assert (status, error["code"]) == (503, "not_ready")
    assert int(headers["retry-after"]) >= 1


async def test_sessions_are_counted_and_given_back() -> None:
    app = create_app(SttSettings(allow_anonymous=True, workers=1, max_sessions=1))
    with serve(app) as url:
        async with talk(f"{url}/v1"):
            status, error, headers = await refused(f"{url}/v1")
            assert b'parley_refused_total{reason="sessions"} 1.0' in app.metrics.render()
            assert b"parley_stt_realtime_sessions 1.0" in app.metrics.render()
        wait_until(
            lambda: b"parley_stt_realtime_sessions 0.0" in app.metrics.render(), 1, "it is over"
        )
        async with talk(f"{url}/v1") as session:
            await session.still_works()
        app.health.mark_draining()
        draining, not_ready, _ = await refused(f"{url}/v1")

    assert (status, error["code"]) == (503, "overloaded")
    assert (draining, not_ready["code"]) == (503, "not_ready")
    assert error["message"].startswith("1 realtime sessions are open")
    assert int(headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("kind", "fields", "code", "param"),
    [
        ("response.create", {}, "invalid_value", "type"),
        ("input_audio_buffer.append", {"audio": "%"}, "invalid_value", "audio"),
        ("input_audio_buffer.commit", {}, "input_audio_buffer_commit_empty", None),
        ("session.update", {"session": {"voice": "x"}}, "unknown_parameter", "session.voice"),
        ("session.update", {"session": {"type": "realtime"}}, "invalid_value", "session.type"),
    ],
)
async def test_a_wrong_event_is_an_error_and_the_session_goes_on(
    stt_url: str, kind: str, fields: dict[str, Any], code: str, param: str | None
) -> None:
    async with talk(stt_url) as session:
        error = await error_after(session, kind, **fields)

        assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
        await session.still_works()


@pytest.mark.parametrize("message", ["not json", "[]", b"\xff\xfe", "7"])
async def test_what_is_no_event_is_an_error_and_the_session_goes_on(
    stt_url: str, message: str | bytes
) -> None:
    async with talk(stt_url) as session:
        await session.socket.send(message)

        assert (await session.until("error"))["error"]["event_id"] is None
        await session.still_works()


async def test_a_large_message_without_audio_is_an_error_and_the_session_goes_on(
    stt_url: str,
) -> None:
    async with talk(stt_url) as session:
        await session.socket.send(json.dumps({"type": "session.update", "session": ["x"] * 30_000}))

        error = (await session.until("error"))["error"]
        assert error["code"] == "invalid_value"
        assert "too large" in error["message"]
        await session.still_works()


async def test_a_model_or_language_that_is_not_there_changes_nothing(stt_url: str) -> None:
    async with talk(stt_url) as session:
        model = await session.update(transcription={"model": "gpt-5"}, turn_detection=None)
        language = await session.update(transcription={"language": "fr"})
        after = await session.update()

    assert model["error"]["code"] == "model_not_found"
    assert language["error"]["param"] == "session.audio.input.transcription.language"
    assert after["session"]["audio"] == session.events[0]["session"]["audio"]


async def test_a_full_buffer_drops_audio_and_keeps_the_session(locked: str) -> None:
    async with enter(locked) as session:
        await session.update(turn_detection=None)
        await session.say(silence(0.1) + pcm_of(WEATHER))
        audio = base64.b64encode(silence(0.5)).decode()
        error = await error_after(session, "input_audio_buffer.append", audio=audio)
        await session.send("input_audio_buffer.commit")
        completed = await session.until(COMPLETED)

    assert error["code"] == "input_audio_buffer_full"
    assert completed["transcript"] == WEATHER_TEXT


async def test_a_buffer_in_which_turns_are_detected_does_not_fill(locked: str) -> None:
    async with enter(locked) as session:
        await session.say(silence(6))
        await session.still_works()

    assert not session.of("error")


@pytest.mark.parametrize("message", ["x" * 100_001, "é" * 50_001, b"x" * 100_001])
async def test_a_message_that_is_too_large_closes(locked: str, message: str | bytes) -> None:
    async with enter(locked) as session:
        await session.socket.send(message)

        assert (await session.until("error"))["error"]["code"] == "message_too_large"
        assert await closed(session) == 1009


async def test_a_message_beyond_the_default_limit_is_told_so_before_the_server_hangs_up(
    stt_url: str,
) -> None:
    async with talk(stt_url) as session:
        await session.socket.send("x" * ((2 << 20) + 1))

        assert (await session.until("error"))["error"]["code"] == "message_too_large"
        assert await closed(session) == 1009


async def test_a_session_ends_at_its_limit_and_says_so() -> None:
    settings = SttSettings(allow_anonymous=True, workers=1, max_session_s=0.3)
    with serve(create_app(settings)) as url:
        async with talk(f"{url}/stt/v1") as session:
            error = (await session.until("error"))["error"]

            assert error["code"] == "session_expired"
            assert await closed(session) == 1000


async def test_the_log_says_why_a_session_was_refused_or_closed(
    locked: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "parley.access"):
        await refused(locked)
        async with enter(locked) as session:
            await session.socket.send("x" * 100_001)
            await closed(session)
        wait_until(lambda: "session closed" in caplog.text, 2, "the session is logged")

    logged = {r.message: r.__dict__["data"] for r in caplog.records if "session" in r.message}
    assert logged["session refused"] == {"status": 401, "code": "invalid_api_key", "key": "-"}
    assert logged["session closed"]["why"] == "message_too_large"


async def test_a_plain_request_is_told_that_this_is_a_websocket(stt_url: str) -> None:
    response = httpx2.get(f"{stt_url}/realtime?intent=transcription")

    assert (response.status_code, error_of(response)["code"]) == (426, "upgrade_required")
    assert response.headers["upgrade"] == "websocket"


async def test_the_sdk_is_told_why_it_is_not_let_in(locked: str) -> None:
    async with AsyncOpenAI(base_url=locked, api_key="wrong") as sdk:
        with pytest.raises(InvalidStatus) as caught:
            async with sdk.realtime.connect(
                model="whisper-1", extra_query={"intent": "transcription"}
            ):
                pass

    assert caught.value.response.status_code == 401


def test_the_documentation_knows_every_code_of_an_error() -> None:
    page = (Path(__file__).parents[3] / "docs" / "realtime.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) >= CODES
