"""What clients of a stream send."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.client_events import decoded, event_id_of
from parley_kit.errors import InvalidRequest
from parley_tts.stream.protocol import (
    Append,
    Cancel,
    ClientEvent,
    Close,
    Done,
    FlushText,
    Update,
    read,
)

_KINDS = [
    "session.update", "input_text.append", "input_text.flush", "input_text.done", "cancel", "close",
]  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(_KINDS) | _JSON},
    optional={"text": _JSON, "session": _JSON, "event_id": _JSON},
)


@given(st.text() | st.binary() | _JSON.map(json.dumps) | _EVENTS.map(json.dumps))
def test_any_message_is_an_event_or_refused(raw: str | bytes) -> None:
    assert isinstance(_read(raw), ClientEvent) or _read(raw) in {
        "invalid_json",
        "invalid_event",
        "invalid_value",
        "missing_required_parameter",
    }


def _read(raw: str | bytes) -> ClientEvent | str | None:
    """The event, or the code of the refusal."""
    try:
        return read(decoded(raw))
    except InvalidRequest as refusal:
        return refusal.code


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"type": "input_text.append", "text": "Hello"}, Append("Hello")),
        ({"type": "input_text.append", "text": ""}, Append("")),
        ({"type": "input_text.flush"}, FlushText()),
        ({"type": "input_text.done", "more": 1}, Done()),
        ({"type": "cancel"}, Cancel()),
        ({"type": "close"}, Close()),
        ({"type": "session.update", "session": {"speed": 2}}, Update({"speed": 2})),
    ],
)
def test_events(message: dict[str, Any], event: ClientEvent) -> None:
    assert read(decoded(json.dumps(message))) == event
    assert read(decoded(json.dumps(message).encode())) == event


@pytest.mark.parametrize(
    ("message", "param", "code"),
    [
        ({}, "type", "missing_required_parameter"),
        ({"type": "speak"}, "type", "invalid_value"),
        ({"type": 7}, "type", "invalid_value"),
        ({"type": "input_text.append"}, "text", "missing_required_parameter"),
        ({"type": "input_text.append", "text": 7}, "text", "invalid_value"),
        ({"type": "input_text.append", "text": "\ud83d"}, "text", "invalid_value"),
        ({"type": "session.update"}, "session", "missing_required_parameter"),
        ({"type": "session.update", "session": []}, "session", "invalid_value"),
    ],
)
def test_what_is_wrong_with_an_event_names_the_parameter(
    message: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(message)
    assert (refusal.value.param, refusal.value.code) == (param, code)


@pytest.mark.parametrize("raw", ["", "{", "NaN", '{"a": NaN}', b"\xff", "[" * 100_000, "9" * 9_999])
def test_what_is_no_json_is_refused(raw: str | bytes) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decoded(raw)
    assert refusal.value.code == "invalid_json"


@pytest.mark.parametrize(("given_id", "kept"), [("a", "a"), (7, None), ("x" * 513, None)])
def test_an_event_id_is_a_short_string(given_id: object, kept: str | None) -> None:
    assert event_id_of({"event_id": given_id}) == kept
