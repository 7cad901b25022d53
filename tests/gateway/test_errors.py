"""What nginx itself refuses is in the envelope of the services."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest

from parley.bench.gateway_nginx import gateway
from tests.gateway.behind import behind, demo, faulty, send, status, where
from tests.kit.demo import Demo
from tests.serving import error_of, open_request, serve, wait_until

POST = b"POST /stt/v1/length HTTP/1.1\r\nHost: a\r\n"
REFUSED = {
    "no HTTP": (b"nonsense\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "two lengths": (
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        400,
    ),
    "a length twice": (
        POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
        400,
    ),
    "a length and chunks": (
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a length of letters": (
        POST + b"Content-Length: +5\r\n\r\n",
        400,
    ),
    "an odd encoding": (
        POST + b"Transfer-Encoding: xchunked\r\n\r\n",
        501,
    ),
    "two encodings": (
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a space before the colon": (b"GET /stt/livez HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "a null": (b"GET /stt/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "above the root": (b"GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a later version": (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    "a long line": (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 20_000), 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"a" * 20_000), 431),
    "many headers": (
        b"GET / HTTP/1.1\r\nHost: a\r\n%s\r\n" % (b"X-%s: 1\r\n" % (b"a" * 1000) * 60),
        431,
    ),
    "a method that changes": (b"DELETE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
    "a trace": (b"TRACE /stt/livez HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "a tunnel": (b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n", 400),
}


def test_what_is_no_proper_request_is_refused_and_reaches_no_service() -> None:
    reached: list[bytes] = []
    seen = {}
    keep = reached.append
    with faulty(lambda it: keep(it.recv(10))) as stt, gateway({"stt": stt}) as front:
        for name, (request, _) in REFUSED.items():
            reply = send(front.url, request)
            seen[name] = (status(reply), b'{"error":{"message":"' in reply, _has_id(reply))

    assert seen == {name: (expected, True, True) for name, (_, expected) in REFUSED.items()}
    assert reached == []


def _has_id(reply: bytes) -> bool:
    return b"x-request-id: req_" in reply.lower()


def test_an_upload_over_a_services_limit_is_413() -> None:
    with behind(demo(), STT_MAX_BODY_BYTES="1000") as front:
        response = httpx2.post(f"{front.url}/stt/v1/length", content=b"x" * 1001)
        fits = httpx2.post(f"{front.url}/stt/v1/length", content=b"x" * 1000)

    assert response.status_code == 413
    assert error_of(response)["type"] == "server_error"
    assert fits.json() == {"bytes": 1000}


def test_an_upload_of_unknown_length_over_the_limit_is_413() -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    with behind(demo(max_body_bytes=1000), STT_MAX_BODY_BYTES="1000") as front:
        response = httpx2.post(f"{front.url}/stt/v1/length", content=chunks())

    assert response.status_code == 413
    error_of(response)


@pytest.mark.parametrize("size", [100, 2_000_000])
def test_a_service_that_is_away_is_503_and_the_others_go_on(size: int) -> None:
    with behind(demo("tts")) as front:
        away = httpx2.post(f"{front.url}/stt/v1/length", content=b"x" * size)
        there = httpx2.get(f"{front.url}/tts/readyz")

    assert away.status_code == 503
    assert error_of(away)["code"] == "unreachable"
    assert int(away.headers["retry-after"]) >= 1
    assert there.status_code == 200


def test_a_service_whose_name_is_unknown_is_503() -> None:
    settings = {"GATEWAY_STT": "stt.invalid:8000", "GATEWAY_RESOLVER": "127.0.0.1:1"}
    with gateway({}, **settings) as front:
        response = httpx2.get(f"{front.url}/stt/readyz")

    assert (response.status_code, error_of(response)["code"]) == (503, "unreachable")


def _hang_up(connection: socket.socket) -> None:
    connection.recv(65536)


def test_a_service_that_dies_over_a_request_is_502() -> None:
    with faulty(_hang_up) as stt, gateway({"stt": stt}) as front:
        response = httpx2.post(f"{front.url}/stt/v1/length", content=b"x")

    assert response.status_code == 502
    assert error_of(response)["code"] == "upstream_failed"
    assert response.headers["retry-after"] == "2"


def test_a_request_that_was_sent_is_not_sent_again() -> None:
    asked: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))

    with faulty(behave) as stt, gateway({"stt": stt}) as front:
        httpx2.post(f"{front.url}/stt/v1/length", content=b"x")

    assert len(asked) == 1


NAMES = ("stt", "tts", "llm", "ws-llm")
HANGS = (*(f"{name}/{path}" for name in NAMES for path in ("readyz", "v1/open")), "ws-llm/")


def test_a_service_that_never_answers_is_504_after_its_own_deadline() -> None:
    with hung() as service, ThreadPoolExecutor(len(HANGS)) as threads:
        # 5 s more than the service has, and 5 s for one that is only asked whether it is ready.
        deadlines = {f"{name.upper().replace('-', '_')}_REQUEST_TIMEOUT_S": "1" for name in NAMES}
        with gateway(dict.fromkeys(NAMES, service), **deadlines) as front:
            answers = list(
                threads.map(lambda path: httpx2.get(f"{front.url}/{path}", timeout=15), HANGS)
            )

    assert [answer.status_code for answer in answers] == [504] * len(HANGS)
    assert {error_of(answer)["code"] for answer in answers} == {"deadline_exceeded"}
    assert {answer.headers["retry-after"] for answer in answers} == {"2"}


@contextmanager
def hung() -> Iterator[str]:
    """Where connections are taken, by the kernel, and nobody looks at them."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_services_own_error_passes_as_it_is() -> None:
    with behind(demo()) as front:
        response = httpx2.post(f"{front.url}/stt/v1/validate", json={"name": "toolong"})

    assert error_of(response)["param"] == "name"


def test_an_address_has_so_many_requests_at_a_time() -> None:
    engine = Demo()
    with (
        serve(demo("stt", engine)) as url,
        gateway({"stt": where(url)}, GATEWAY_MAX_PER_ADDRESS="2") as front,
        open_request(front.url, "GET /stt/v1/work"),
        open_request(front.url, "GET /stt/v1/work"),
    ):
        wait_until(lambda: engine.work_started == 2, 5, "two run")
        third = httpx2.get(f"{front.url}/stt/v1/open")

    assert third.status_code == 429
    assert error_of(third)["code"] == "rate_limit_exceeded"
    assert third.headers["retry-after"] == "1"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_an_error_has_no_body_where_none_is_asked_for(method: str) -> None:
    with behind(demo()) as front:
        response = httpx2.request(method, f"{front.url}/nowhere")

    assert response.status_code == 404
    assert bool(response.content) == (method == "GET")
