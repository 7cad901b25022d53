"""Whatever bytes a stranger sends: an answer in order or none, and the gateway goes on."""

import contextlib
import json
import select
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.bench.gateway_nginx import Gateway
from tests.gateway.behind import behind, demo, rest, send, status

FAST = settings(max_examples=60, deadline=None)
_PATIENCE_S = 0.1

_path = st.lists(
    st.sampled_from(
        ["/", "//", "stt", "metrics", "status", "%2f", "%2F", ".", "..", "%2e", "v1", "?", "#", ";",
         "%6d", "%6D", "etrics", "%73", "tatus", "\\", "%5c", "%00", "%", "%25", "tts", "%c0%af",
         "http://a", "*", "@", ":80", "models"]
    ),
    max_size=8,
).map("".join)  # fmt: skip
_known = st.sampled_from(["v1/open", "v1/length", "v1/headers", "v1/models"])
_header = st.sampled_from(
    [b"Host: a", b"Host: b", b"Content-Length: 3", b"Content-Length: 0", b"Content-Length: -1",
     b"Content-Length: 3, 3", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
     b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding : chunked", b"Connection: close",
     b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c", b"Expect: 100-continue",
     b"Expect: x", b"Range: bytes=0-9999999999", b"X-Request-ID: \xff", b"X_Y: 1", b"X: \0",
     b": x", b"X-Accel-Redirect: /etc/passwd", b"Content-Type: application/json", b"If-Match: x",
     b" folded"]
)  # fmt: skip
_method = st.sampled_from(
    [b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"TRACE", b"CONNECT", b"PRI", b"get", b""]
)
_version = st.sampled_from(
    [
        b"HTTP/1.1",
        b"HTTP/1.1",
        b"HTTP/1.1",
        b"HTTP/1.0",
        b"HTTP/0.9",
        b"HTTP/2.0",
        b"HTTP/1.10",
        b"",
    ]
)
_body = st.sampled_from(
    [b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"0\r\n\r\n", b"ffffffffffffffffff\r\n"]
)


@pytest.fixture(scope="module")
def front() -> Iterator[Gateway]:
    with behind(demo(), GATEWAY_CLIENT_TIMEOUT_S="2") as front:
        yield front


@FAST
@given(_path)
def test_no_path_leads_to_what_is_for_operators(front: Gateway, path: str) -> None:
    data = f"GET /{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    reply = send(front.url, data.encode())

    assert reply.startswith(b"HTTP/1.1 ")
    assert b"# HELP" not in reply
    assert b'"max_queue"' not in reply


@FAST
@given(_method, _path | _known, _version, st.lists(_header, max_size=2), _body)
def test_an_odd_request_gets_the_envelope_or_the_services_answer(
    front: Gateway, method: bytes, path: str, version: bytes, headers: list[bytes], body: bytes
) -> None:
    line = b" ".join((method, b"/stt/" + path.encode(), version))
    reply = said(front, b"\r\n".join((line, b"Host: a", *headers, b"", b"")) + body)

    check_envelope(reply)
    assert reply.count(b"HTTP/1.") <= 2 or b"100 Continue" in reply


@FAST
@given(st.binary(max_size=200))
def test_noise_is_refused(front: Gateway, noise: bytes) -> None:
    check_envelope(said(front, noise))


def test_after_all_of_that_it_still_serves(front: Gateway) -> None:
    assert httpx2.get(f"{front.url}/stt/v1/open").status_code == 200


def said(front: Gateway, data: bytes) -> bytes:
    """What comes back, when nothing more is sent once an answer begins or is long in coming."""
    address = urlsplit(front.url)
    where = (address.hostname or "", address.port or 0)
    with socket.create_connection(where, timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            select.select([connection], [], [], _PATIENCE_S)
            connection.shutdown(socket.SHUT_WR)
        return rest(connection)


def check_envelope(reply: bytes) -> None:
    """An error, where one came, is JSON in the shape that all services answer with."""
    head, _, body = reply.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 ") or status(reply) < 400 or not body:
        return
    if body.startswith(b"HTTP/1.1 "):  # to HEAD; what follows was taken for another request
        return
    assert b"x-request-id: " in head.lower()
    error, _ = json.JSONDecoder().raw_decode(body.decode())
    assert set(error["error"]) == {"message", "type", "param", "code"}
