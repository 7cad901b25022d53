"""Who is let in to stream text, what is refused, and what ends a session."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from parley_tts.app import create_app
from parley_tts.settings import TtsSettings
from tests.serving import error_of, serve, wait_until
from tests.tts.breakable import service
from tests.tts.stream.streaming_client import DONE, Stream, stream

pytestmark = pytest.mark.anyio

KEY = "k-correct"
PAGE = Path(__file__).parents[3] / "docs" / "tts-stream.md"
CODES = {
    "invalid_json", "invalid_event", "invalid_value", "missing_required_parameter",
    "unknown_parameter", "model_not_found", "utterance_open", "string_above_max_length",
    "input_text_buffer_full", "overloaded", "rate_limit_exceeded", "deadline_exceeded",
    "internal_error", "session_expired", "session_idle", "message_too_large", "not_ready",
}  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(create_app(TtsSettings(allow_anonymous=True, engine="flite"))) as url:
        yield f"{url}/tts/v1"


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    """Has tight limits, and a key."""
    settings = TtsSettings(
        api_keys=KEY,
        engine="flite",
        max_input_chars=100,
        max_pending_chars=150,
        max_message_bytes=2_000,
    )
    with serve(create_app(settings)) as url:
        yield f"{url}/tts/v1"


def enter(url: str) -> AbstractAsyncContextManager[Stream]:
    """A session with the key."""
    return stream(url, additional_headers={"authorization": f"Bearer {KEY}"})


async def refused(url: str, **options: Any) -> Any:
    """The status, error and headers of a handshake that fails."""
    with pytest.raises(InvalidStatus) as caught:
        async with stream(url, **options):
            pass
    response = caught.value.response
    assert response.headers["x-request-id"]
    return response.status_code, json.loads(response.body)["error"], response.headers


async def error_after(session: Stream, kind: str, /, **fields: object) -> dict[str, Any]:
    await session.send(kind, event_id="mine", **fields)
    event = await session.until("error")
    error: dict[str, Any] = event["error"]
    assert event["utterance_id"] is None
    assert error["event_id"] == "mine"
    assert error["code"] is None or error["code"] in CODES
    return error


async def closed(session: Stream) -> int:
    """The code with which the server closes."""
    await session.socket.wait_closed()
    assert session.socket.close_code is not None
    return session.socket.close_code


async def test_a_key_in_the_header(small: str) -> None:
    async with enter(small) as session:
        await session.say("Hello.")


async def test_a_key_in_a_subprotocol(small: str) -> None:
    offered = [Subprotocol("parley-speech"), Subprotocol(f"openai-insecure-api-key.{KEY}")]
    async with stream(small, subprotocols=offered) as session:
        assert session.socket.subprotocol == "parley-speech"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"additional_headers": {"authorization": "Bearer wrong"}},
        {"subprotocols": ["parley-speech", "openai-insecure-api-key.wrong"]},
    ],
)
async def test_without_the_key_there_is_no_handshake(small: str, options: dict[str, Any]) -> None:
    status, error, _ = await refused(small, **options)

    assert (status, error["code"]) == (401, "invalid_api_key")


async def test_a_page_of_another_site_is_refused(url: str) -> None:
    status, error, _ = await refused(url, origin="https://evil.example")

    assert (status, error["code"]) == (403, "origin_not_allowed")
    assert "TTS_ALLOWED_ORIGINS" in error["message"]


async def test_listed_pages_may_connect_and_sessions_are_counted() -> None:
    app = create_app(
        TtsSettings(
            allow_anonymous=True,
            engine="flite",
            allowed_origins="https://App.example/",
            max_sessions=1,
        )
    )
    with serve(app) as url:
        async with stream(f"{url}/v1", origin="https://app.example"):
            status, error, headers = await refused(f"{url}/v1")
            assert b'parley_refused_total{reason="sessions"} 1.0' in app.metrics.render()
            assert b"parley_tts_stream_sessions 1.0" in app.metrics.render()
        wait_until(
            lambda: b"parley_tts_stream_sessions 0.0" in app.metrics.render(), 1, "it is over"
        )
        app.health.mark_draining()
        draining, not_ready, _ = await refused(f"{url}/v1")

    assert (status, error["code"]) == (503, "overloaded")
    assert int(headers["retry-after"]) >= 1
    assert (draining, not_ready["code"]) == (503, "not_ready")


@pytest.mark.parametrize(
    ("patch", "code", "param"),
    [
        ({"colour": "red"}, "unknown_parameter", "session.colour"),
        ({"input": "Hello"}, "unknown_parameter", "session.input"),
        ({"stream_format": "sse"}, "unknown_parameter", "session.stream_format"),
        ({"model": "gpt-5"}, "model_not_found", "model"),
        ({"voice": "nobody"}, None, "voice"),
        ({"voice": 7}, None, "voice"),
        ({"speed": 9}, None, "speed"),
        ({"response_format": "wav"}, None, "response_format"),
        ({"response_format": "mp3", "sample_rate": 9_999}, None, "sample_rate"),
        ({"language": "xx"}, None, "language"),
        ({"word_timestamps": "often"}, None, "word_timestamps"),
    ],
)
async def test_a_wrong_setting_is_an_error_and_changes_nothing(
    url: str, patch: dict[str, Any], code: str | None, param: str
) -> None:
    async with stream(url) as session:
        error = await error_after(session, "session.update", session=patch)
        unchanged = await session.update()

        assert (error["code"], error["param"]) == (code, param)
        assert unchanged["session"] == session.events[0]["session"]


async def test_settings_do_not_change_within_an_utterance(url: str) -> None:
    async with stream(url) as session:
        await session.append("Hello")
        error = await error_after(session, "session.update", session={"speed": 2})
        await session.send("input_text.done")
        await session.until(DONE)

        assert error["code"] == "utterance_open"
        assert (await session.update(speed=2))["session"]["speed"] == 2


@pytest.mark.parametrize("message", ["not json", "[]", b"\xff\xfe", "7", '{"type": "speak"}'])
async def test_what_is_no_event_is_an_error_and_the_session_goes_on(
    url: str, message: str | bytes
) -> None:
    async with stream(url) as session:
        await session.socket.send(message)

        assert (await session.until("error"))["error"]["code"] in CODES
        await session.say("Hello.")


async def test_text_beyond_the_limit_is_dropped_and_the_rest_is_spoken(small: str) -> None:
    async with enter(small) as session:
        await session.append("Good morning.")
        error = await error_after(session, "input_text.append", text=" word" * 20)
        await session.send("input_text.done")
        done = await session.until(DONE)

        assert (error["param"], error["code"]) == ("text", "string_above_max_length")
        assert done["usage"]["input_tokens"] == 2


async def test_what_waits_to_be_spoken_is_bounded() -> None:
    with service(max_pending_chars=30) as tts:
        async with stream(f"{tts.url}/tts/v1") as session:
            await session.append("Please wait here.")
            await session.send("input_text.done")
            tts.await_begun("Please wait here.")
            await session.append("This is another one.")
            full = await error_after(session, "input_text.append", text=" And one more.")
            for _ in range(10):
                await session.send("input_text.flush")
            flushes = await error_after(session, "input_text.flush")
            tts.synthesiser.gate.set()
            await session.send("input_text.done")
            await session.until(DONE)
            await session.until(DONE)

    assert full["code"] == flushes["code"] == "input_text_buffer_full"


async def test_a_pause_that_is_too_long_ends_the_utterance(url: str) -> None:
    async with stream(url) as session:
        await session.append("Good morning. [pause:11s] Good night.")
        event = await session.until("error")
        await session.send("input_text.done")
        await session.say("Hello.")

        assert event["error"]["param"] == "input"
        assert event["utterance_id"] is not None


@pytest.mark.parametrize("message", ["x" * 2_001, "é" * 1_001, b"x" * 2_001])
async def test_a_message_that_is_too_large_closes(small: str, message: str | bytes) -> None:
    async with enter(small) as session:
        await session.socket.send(message)

        assert (await session.until("error"))["error"]["code"] == "message_too_large"
        assert await closed(session) == 1009


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"max_session_s": 0.3}, "session_expired"), ({"max_idle_s": 0.3}, "session_idle")],
)
async def test_a_session_ends_at_its_limit_and_says_so(limits: dict[str, float], code: str) -> None:
    settings = TtsSettings(allow_anonymous=True, engine="flite", **limits)  # type: ignore[arg-type]
    with serve(create_app(settings)) as url:
        async with stream(f"{url}/tts/v1") as session:
            error = (await session.until("error"))["error"]

            assert error["code"] == code
            assert await closed(session) == 1000


async def test_the_log_says_why_and_has_no_text(
    small: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await refused(small)
        async with enter(small) as session:
            await session.say("Confidential.")
            await session.socket.send("x" * 2_001)
            await closed(session)
        wait_until(lambda: "session closed" in caplog.text, 2, "the session is logged")

    ours = [r for r in caplog.records if r.name.startswith("parley")]
    logged = {r.message: r.__dict__["data"] for r in ours if r.name == "parley.access"}
    assert logged["session refused"] == {"status": 401, "code": "invalid_api_key", "key": "-"}
    assert logged["session closed"]["why"] == "message_too_large"
    assert logged["session closed"]["utterances"] == 1
    assert not any("Confidential" in str(r.__dict__) for r in ours)


async def test_a_plain_request_is_told_that_this_is_a_websocket(url: str) -> None:
    response = httpx2.get(f"{url}/audio/speech/stream")

    assert (response.status_code, error_of(response)["code"]) == (426, "upgrade_required")


def test_the_documentation_knows_every_code_of_an_error() -> None:
    errors = PAGE.read_text().partition("## Errors")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", errors, re.MULTILINE)) == CODES


def test_the_example_of_the_documentation_is_heard(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)

    exec(example.replace("ws://127.0.0.1:8000/tts/v1", url.replace("http", "ws")), {})

    assert (tmp_path / "answer.pcm").stat().st_size > 48_000
    assert "Good" in capsys.readouterr().out
