"""What clients send, and what is wrong with it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit import client_events
from parley_kit.errors import InvalidRequest
from parley_stt.realtime import protocol
from parley_stt.realtime.protocol import Append, Clear, Commit, Update

LARGE = "AAAA" * (protocol.MAX_EVENT_BYTES // 4)


def test_audio_is_base64() -> None:
    found = protocol.read({"type": "input_audio_buffer.append", "audio": "AAEC"})

    assert found == Append(b"\x00\x01\x02")


def test_events_without_fields() -> None:
    assert protocol.read({"type": "input_audio_buffer.commit"}) == Commit()
    assert protocol.read({"type": "input_audio_buffer.clear"}) == Clear()


def test_no_audio_is_shown_in_a_log() -> None:
    assert "AAEC" not in repr(Append(b"AAEC"))
    assert "secret" not in repr(Update({"prompt": "secret"}, "ga"))


@pytest.mark.parametrize(
    ("data", "param", "code"),
    [
        ({}, "type", "missing_required_parameter"),
        ({"type": "response.create"}, "type", "invalid_value"),
        ({"type": ["session.update"]}, "type", "invalid_value"),
        ({"type": "input_audio_buffer.append"}, "audio", "missing_required_parameter"),
        ({"type": "input_audio_buffer.append", "audio": "%%"}, "audio", "invalid_value"),
        ({"type": "input_audio_buffer.append", "audio": "AAE"}, "audio", "invalid_value"),
        ({"type": "input_audio_buffer.append", "audio": "é"}, "audio", "invalid_value"),
        ({"type": "input_audio_buffer.append", "audio": 7}, "audio", "invalid_value"),
        ({"type": "session.update"}, "session", "missing_required_parameter"),
        ({"type": "session.update", "session": []}, "session", "missing_required_parameter"),
    ],
)
def test_a_wrong_event_is_refused_by_name(data: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        protocol.read(data)

    assert (caught.value.param, caught.value.code) == (param, code)


def test_a_format_that_the_beta_did_not_know_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="input_audio_format"):
        protocol.read(
            {"type": "transcription_session.update", "session": {"input_audio_format": "mp3"}}
        )


def test_the_beta_has_no_nested_audio() -> None:
    with pytest.raises(InvalidRequest) as caught:
        protocol.read({"type": "transcription_session.update", "session": {"audio": {"input": {}}}})

    assert (caught.value.param, caught.value.code) == ("session.audio", "unknown_parameter")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "input_audio_buffer.append", "event_id": "x" * 500, "audio": LARGE},
        {"audio": LARGE, "event_id": "x", "type": "input_audio_buffer.append"},
    ],
)
def test_a_large_message_appends_audio(event: dict[str, str]) -> None:
    raw = json.dumps(event)

    assert isinstance(protocol.read(protocol.decode(raw)), Append)
    assert isinstance(protocol.read(protocol.decode(raw.encode())), Append)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "session.update", "session": {"include": [1] * 40_000}},
        {"event_id": "input_audio_buffer.append", "type": "session.update", "x": LARGE},
        {"type": "input_audio_buffer.commit", "event_id": LARGE},
    ],
)
def test_a_large_message_that_does_something_else_is_refused(event: dict[str, object]) -> None:
    for raw in (json.dumps(event), json.dumps(event).encode()):
        with pytest.raises(InvalidRequest, match="too large") as caught:
            protocol.decode(raw)
        assert caught.value.code == "invalid_value"


def test_a_large_message_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(InvalidRequest, match="too large"):
        protocol.decode("{" * (protocol.MAX_EVENT_BYTES + 1))


@pytest.mark.parametrize("raw", ["", "{", "[]", "7", "NaN", '{"a": Infinity}', b"\xff", "[" * 9999])
def test_what_is_no_json_object_is_refused(raw: str | bytes) -> None:
    with pytest.raises(InvalidRequest):
        protocol.decode(raw)


@pytest.mark.parametrize(
    ("given_id", "known"), [("e1", "e1"), (None, None), (7, None), ("x" * 600, None)]
)
def test_an_error_repeats_the_clients_own_id(given_id: object, known: str | None) -> None:
    assert client_events.event_id_of({"event_id": given_id}) == known


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    try:
        protocol.read(protocol.decode(raw))
    except InvalidRequest:
        return
