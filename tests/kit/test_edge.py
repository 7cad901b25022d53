"""What the edge does for every request of every service."""

import logging
import select
import socket
import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.kit.demo import Demo, demo_service
from tests.serving import error_of, open_request, serve, wait_until

FREED_WITHIN_S = 1.0


def test_a_service_answers_below_its_name_and_at_the_root() -> None:
    with serve(demo_service()) as url:
        assert httpx2.get(f"{url}/demo/v1/open").status_code == 200
        assert httpx2.get(f"{url}/v1/open").status_code == 200
        assert httpx2.get(f"{url}/demo/demo/v1/open").status_code == 404


def test_an_unknown_route_is_404_in_the_envelope() -> None:
    with serve(demo_service()) as url:
        response = httpx2.get(f"{url}/demo/v1/nothing")

    assert response.status_code == 404
    assert error_of(response)["type"] == "invalid_request_error"


def test_a_wrong_method_is_405_and_says_which_are_allowed() -> None:
    with serve(demo_service()) as url:
        response = httpx2.put(f"{url}/demo/v1/open")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET"
    assert error_of(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": "toolong"}, "name"),
        ({}, "name"),
        ({"name": "ok", "numbers": [1, "canary-value"]}, "numbers[1]"),
    ],
)
def test_a_wrong_field_is_400_and_named_but_its_value_is_not_echoed(
    body: dict[str, object], param: str
) -> None:
    with serve(demo_service()) as url:
        response = httpx2.post(f"{url}/demo/v1/validate", json=body)

    assert response.status_code == 400
    assert error_of(response)["param"] == param
    assert "canary-value" not in response.text


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe"])
def test_a_body_that_is_not_json_is_400(body: bytes) -> None:
    with serve(demo_service()) as url:
        headers = {"content-type": "application/json"}
        response = httpx2.post(f"{url}/demo/v1/validate", content=body, headers=headers)

    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request_error"


def test_a_bug_is_500_in_the_envelope_and_tells_the_caller_nothing() -> None:
    with serve(demo_service()) as url:
        response = httpx2.get(f"{url}/demo/v1/bug")

    assert response.status_code == 500
    assert error_of(response)["code"] == "internal_error"
    assert "canary" not in response.text


def test_a_given_request_id_is_kept_and_an_odd_one_replaced() -> None:
    with serve(demo_service()) as url:
        given = httpx2.get(f"{url}/v1/open", headers={"x-request-id": "call-7.stt"})
        odd = httpx2.get(f"{url}/v1/open", headers={"x-request-id": "a b\tc"})
        none = httpx2.get(f"{url}/v1/open")

    assert given.headers["x-request-id"] == "call-7.stt"
    assert odd.headers["x-request-id"].startswith("req_")
    assert none.headers["x-request-id"] != odd.headers["x-request-id"]


def test_a_body_over_the_limit_is_413_by_its_announced_length() -> None:
    with serve(demo_service(max_body_bytes=1000)) as url:
        response = httpx2.post(f"{url}/v1/length", content=b"x" * 1001)

    assert response.status_code == 413
    assert "1000" in str(error_of(response)["message"])


@pytest.mark.parametrize("route", ["length", "validate"])
def test_a_body_over_the_limit_is_413_when_its_length_is_not_announced(route: str) -> None:
    def chunks():  # type: ignore[no-untyped-def]
        for _ in range(20):
            yield b"x" * 100

    with serve(demo_service(max_body_bytes=1000)) as url:
        headers = {"content-type": "application/json"}
        response = httpx2.post(f"{url}/v1/{route}", content=chunks(), headers=headers)

    assert response.status_code == 413
    error_of(response)


def test_a_body_at_the_limit_is_read() -> None:
    with serve(demo_service(max_body_bytes=1000)) as url:
        response = httpx2.post(f"{url}/v1/length", content=b"x" * 1000)

    assert response.json() == {"bytes": 1000}


@pytest.mark.parametrize(
    ("path", "key", "more", "status"),
    [
        ("v1/closed", "k2", 0, b"401"),
        ("v1/nowhere", "k1", 0, b"404"),
        ("v1/length", "k1", 1, b"413"),
    ],
)
def test_who_sends_all_before_it_reads_hears_a_refusal(
    path: str, key: str, more: int, status: bytes
) -> None:
    limit = 4_000_000
    service = demo_service(allow_anonymous=False, api_keys="k1", max_body_bytes=limit)
    head = (
        f"POST /{path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
        f"authorization: Bearer {key}\r\ncontent-length: {limit + more}\r\n\r\n"
    )
    with serve(service) as url:
        reply = _whole(url, head.encode() + b"x" * (limit + more))

    assert reply.split(b" ")[1] == status
    assert reply.endswith(b"}}")


def test_headers_over_the_limit_are_431() -> None:
    with serve(demo_service(max_header_bytes=2048)) as url:
        response = httpx2.get(f"{url}/v1/open", headers={"x-big": "x" * 2048})

    assert response.status_code == 431
    error_of(response)


def test_a_request_with_two_framings_is_refused() -> None:
    request = (
        b"POST /v1/length HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    with serve(demo_service()) as url:
        assert _raw(url, request).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("route", ["length", "validate"])
def test_a_body_that_stops_coming_is_408_and_the_connection_ends(route: str) -> None:
    head = f"POST /v1/{route} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    with serve(demo_service(max_body_wait_s=0.1)) as url:
        reply = _whole(url, f'{head}content-length: 100\r\n\r\n{{"name"'.encode())

    assert reply.startswith(b"HTTP/1.1 408")
    assert b"request_timeout" in reply


def test_a_body_that_keeps_its_pace_may_take_longer_than_its_longest_pause() -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(12):
            time.sleep(0.05)
            yield b"x" * 1000

    with serve(demo_service(min_body_bytes_per_s=1000, max_body_wait_s=0.5)) as url:
        response = httpx2.post(f"{url}/v1/length", content=chunks())

    assert response.json() == {"bytes": 12_000}


def test_a_body_that_drips_is_refused_however_often_it_comes() -> None:
    head = b"POST /v1/length HTTP/1.1\r\nhost: a\r\ncontent-length: 999\r\n\r\n"
    service = demo_service(min_body_bytes_per_s=1000, max_body_wait_s=0.3)
    with serve(service) as url, _connection(url) as connection:
        connection.sendall(head)
        while not _answered(connection, within_s=0.02):
            connection.sendall(b"x")
        reply = connection.recv(65536)

    assert reply.startswith(b"HTTP/1.1 408")


def _answered(connection: socket.socket, within_s: float) -> bool:
    return bool(select.select([connection], [], [], within_s)[0])


@pytest.mark.parametrize(
    "path", ["/demo/v1/open/", "//v1/closed", "/v1/open/../closed", "/demo/demo/v1/closed"]
)
def test_no_spelling_of_a_path_gets_round_the_key(path: str) -> None:
    service = demo_service(allow_anonymous=False, api_keys="k1")
    with serve(service) as url:
        reply = _raw(url, b"GET %s HTTP/1.1\r\nhost: a/v1/open?\r\n\r\n" % path.encode())

    assert reply.split(b" ")[1] in (b"401", b"404", b"307")
    assert b'"key"' not in reply


def test_a_deadline_that_passes_before_the_first_byte_is_504() -> None:
    engine = Demo()
    with serve(demo_service(engine, request_timeout_s=0.1)) as url:
        response = httpx2.get(f"{url}/v1/work")

    assert response.status_code == 504
    assert error_of(response)["code"] == "deadline_exceeded"
    assert engine.work_ended == 1


def test_a_caller_may_ask_for_a_shorter_deadline_but_not_a_longer_one() -> None:
    with serve(demo_service(request_timeout_s=0.2)) as url:
        shorter = httpx2.get(f"{url}/v1/work", headers={"x-request-timeout": "0.05"})
        longer = httpx2.get(f"{url}/v1/work", headers={"x-request-timeout": "99"})

    assert "0.05 s" in str(error_of(shorter)["message"])
    assert "0.2 s" in str(error_of(longer)["message"])


@pytest.mark.parametrize("value", ["soon", "-1", "0", "nan"])
def test_a_deadline_that_is_no_duration_is_400(value: str) -> None:
    with serve(demo_service()) as url:
        response = httpx2.get(f"{url}/v1/open", headers={"x-request-timeout": value})

    assert response.status_code == 400
    assert error_of(response)["param"] == "x-request-timeout"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_caller_who_hangs_up_stops_the_work(method: str) -> None:
    engine = Demo()
    service = demo_service(engine)
    with serve(service) as url:
        connection = open_request(url, f"{method} /v1/work")
        wait_until(lambda: engine.work_started == 1, 5, "the work starts")
        connection.close()
        wait_until(lambda: engine.work_ended == 1, FREED_WITHIN_S, "the work stops")
        wait_until(lambda: service.admission.load.running == 0, FREED_WITHIN_S, "the place is free")


def test_a_caller_who_hangs_up_leaves_the_queue() -> None:
    engine = Demo()
    service = demo_service(engine, max_concurrency=1)
    with serve(service) as url:
        running = open_request(url, "POST /v1/work")
        wait_until(lambda: engine.work_started == 1, 5, "the first runs")
        queued = open_request(url, "POST /v1/work")
        wait_until(lambda: service.admission.load.queued == 1, 5, "the second waits")
        queued.close()
        wait_until(lambda: service.admission.load.queued == 0, FREED_WITHIN_S, "the queue is empty")
        running.close()
    assert engine.work_started == 1


def test_a_caller_who_hangs_up_stops_a_stream() -> None:
    engine = Demo()
    with serve(demo_service(engine)) as url:
        with httpx2.stream("GET", f"{url}/v1/events?fail=hang") as response:
            assert next(response.iter_lines()).startswith("data:")
        wait_until(lambda: engine.work_ended == 1, FREED_WITHIN_S, "the stream's work stops")


def test_a_thousand_hang_ups_leave_nothing_behind() -> None:
    engine = Demo()
    service = demo_service(engine, max_concurrency=2, max_queue=1000)
    with serve(service) as url:
        for _ in range(50):
            connections = [open_request(url, "POST /v1/work") for _ in range(20)]
            wait_until(
                lambda: service.admission.load.running + service.admission.load.queued == 20,
                5,
                "all arrived",
            )
            for connection in connections:
                connection.close()
            wait_until(
                lambda: service.admission.load.running + service.admission.load.queued == 0,
                FREED_WITHIN_S,
                "all are gone",
            )
    assert engine.work_started == engine.work_ended


def test_raw_bytes_that_fail_after_the_first_break_the_transfer() -> None:
    with serve(demo_service()) as url, pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(f"{url}/v1/bytes")


def test_the_access_line_has_the_request_id_and_the_route_but_no_path_or_query(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO), serve(demo_service()) as url:
        headers = {"x-request-id": "call-1"}
        httpx2.get(f"{url}/v1/models/canary-path?q=canary-query", headers=headers)

    ours = [record for record in caplog.records if not record.name.startswith("http")]
    lines = [record.getMessage() for record in ours if record.name == "parley.access"]
    assert lines == ["GET /v1/models/{model:path} 404"]
    assert not [record for record in ours if "canary" in record.getMessage()]


def _whole(url: str, request: bytes) -> bytes:
    """All that comes until the service closes."""
    with _connection(url) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def _raw(url: str, request: bytes) -> bytes:
    with _connection(url) as connection:
        connection.sendall(request)
        return connection.recv(65536)


def _connection(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=5)
