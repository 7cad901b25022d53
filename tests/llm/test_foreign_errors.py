"""Whatever another server says when it fails, the caller reads the envelope."""

import json

from hypothesis import given
from hypothesis import strategies as st

from parley_llm.foreign_errors import translate

statuses = st.integers(100, 599).filter(lambda status: not 200 <= status < 300)
bodies = st.binary() | st.recursive(
    st.none() | st.text() | st.integers() | st.booleans(),
    lambda inner: (
        st.dictionaries(
            st.sampled_from(["error", "message", "code", "param", "type", "detail"]), inner
        )
        | st.lists(inner)
    ),
).map(lambda data: json.dumps(data).encode())


@given(statuses, bodies, st.dictionaries(st.just("retry-after"), st.text()))
def test_the_envelope_is_complete(status: int, body: bytes, headers: dict[str, str]) -> None:
    error = translate(status, body, headers)
    envelope = error.envelope()["error"]

    assert 400 <= error.status < 600
    assert envelope["message"]
    assert envelope["type"] in ("invalid_request_error", "server_error", "rate_limit_exceeded")
    assert isinstance(envelope["code"], str | None)
    assert isinstance(envelope["param"], str | None)
    if error.status in (429, 503):
        assert error.headers is not None
        assert 1 <= int(error.headers["retry-after"]) <= 120


@given(statuses.filter(lambda status: status >= 500), st.text(min_size=20))
def test_what_is_said_in_a_failure_of_the_server_stays_there(status: int, said: str) -> None:
    error = translate(status, json.dumps({"error": {"message": said}}).encode(), {})

    assert said not in error.message
