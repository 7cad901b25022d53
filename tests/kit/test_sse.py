"""Server-sent events: whole, or openly broken."""

import json

import httpx2
import pytest

from tests.kit.demo import Demo, demo_service
from tests.serving import error_of, serve, wait_until


def events_of(response: httpx2.Response) -> list[object]:
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in response.text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    data = [line.removeprefix("data: ") for line in lines]
    return [item if item == "[DONE]" else json.loads(item) for item in data]


def test_a_stream_has_every_event_and_is_not_buffered_on_its_way() -> None:
    with serve(demo_service()) as url:
        response = httpx2.get(f"{url}/v1/events?count=3")

    assert events_of(response) == [{"number": 0}, {"number": 1}, {"number": 2}, "[DONE]"]
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["cache-control"] == "no-cache"


def test_a_stream_that_fails_before_its_first_event_is_a_plain_refusal() -> None:
    engine = Demo()
    with serve(demo_service(engine)) as url:
        response = httpx2.get(f"{url}/v1/events?fail=before")

    assert response.status_code == 400
    assert error_of(response)["param"] == "voice"
    assert engine.work_ended == 1


@pytest.mark.parametrize(
    ("fail", "code"), [("known", "upstream_failed"), ("unknown", "internal_error")]
)
def test_a_stream_that_fails_later_ends_with_an_error_event(fail: str, code: str) -> None:
    with serve(demo_service()) as url:
        response = httpx2.get(f"{url}/v1/events?fail={fail}")

    *numbers, last = events_of(response)
    assert len(numbers) == 3
    assert isinstance(last, dict)
    assert last["error"]["code"] == code
    assert "canary" not in response.text


def test_a_stream_that_hangs_ends_with_an_error_event_at_its_deadline() -> None:
    engine = Demo()
    with serve(demo_service(engine, request_timeout_s=0.2)) as url:
        response = httpx2.get(f"{url}/v1/events?fail=hang")

    last = events_of(response)[-1]
    assert isinstance(last, dict)
    assert last["error"]["code"] == "deadline_exceeded"
    assert engine.work_ended == 1


def test_a_reader_who_does_not_read_is_cut_off_after_the_deadline() -> None:
    engine = Demo()
    with serve(demo_service(engine, request_timeout_s=0.3)) as url:
        address = f"{url}/v1/events?count=100000000"
        with httpx2.stream("GET", address, timeout=10) as response:
            wait_until(lambda: engine.work_ended == 1, 20, "the server gives the reader up")
            with pytest.raises(httpx2.RemoteProtocolError):
                response.read()
