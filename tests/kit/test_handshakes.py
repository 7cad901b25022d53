"""What asks for a WebSocket is answered, also where it cannot have one, and holds nothing up."""

import asyncio
import http.client
import json
import socket
import threading
import time
from contextlib import ExitStack, closing

import httpx2
import pytest
from starlette.websockets import WebSocket
from websockets.frames import Close, Frame, Opcode

from parley_kit import ws_server
from parley_kit.app import Service
from tests import serving
from tests.kit.demo import demo_service
from tests.serving import error_of, serve

HANDSHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def request(line: str, *fields: str, body: str = "", **changed: str) -> bytes:
    handshake = {**HANDSHAKE, **{name.replace("_", "-"): value for name, value in changed.items()}}
    head = [f"{line} HTTP/1.1", "host: x", *(f"{k}: {v}" for k, v in handshake.items()), *fields]
    return "\r\n".join([*head, "", body]).encode()


NO_HANDSHAKES = {
    "another method": (request("POST /v1/validate"), 400),
    "another method with a body": (
        request("POST /v1/length", "content-length: 4", body="four"),
        200,
    ),
    "an empty body": (request("GET /v1/open", "content-length: 0"), 200),
    "a body in chunks": (
        request("GET /v1/open", "transfer-encoding: chunked", body="0\r\n\r\n"),
        200,
    ),
    "a long header": (request("GET /v1/open", f"cookie: {'a' * 9_000}"), 431),
    "many headers": (request("GET /v1/open", *(f"x{n}: a" for n in range(130))), 431),
    "a long address": (request(f"GET /v1/open?{'a' * 9_000}"), 431),
    "a control character": (request("GET /v1/open", "x: a\x01b"), 200),
    "an odd key": (request("GET /v1/open", sec_websocket_key="short"), 200),
    "another version": (request("GET /v1/open", sec_websocket_version="8"), 200),
}


def sent(url: str, data: bytes) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.sendall(data)
    return connection


@pytest.mark.parametrize("kind", NO_HANDSHAKES)
def test_what_is_no_handshake_is_answered_as_a_request_and_holds_up_no_stop(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_GRACE_S", 60)
    data, status = NO_HANDSHAKES[kind]
    with ExitStack() as server:
        url = server.enter_context(serve(demo_service()))
        with closing(sent(url, data)) as connection:
            response = http.client.HTTPResponse(connection)
            response.begin()
            body = json.loads(response.read())
            begun = time.monotonic()
            server.close()
            stopped_after_s = time.monotonic() - begun

    assert response.status == status
    assert response.headers["x-request-id"]
    assert ("error" in body) == (status >= 400)
    assert stopped_after_s < 20


def test_a_request_that_asks_for_a_socket_needs_its_key() -> None:
    with serve(demo_service(allow_anonymous=False, api_keys="k")) as url:
        refused = httpx2.post(f"{url}/v1/validate", headers=HANDSHAKE)

    assert refused.status_code == 401
    assert error_of(refused)["code"] == "invalid_api_key"


def test_the_limit_on_headers_is_also_that_of_a_handshake() -> None:
    headers = {**HANDSHAKE, **{f"x-{number}": "a" * 6_000 for number in range(3)}}
    with serve(demo_service()) as url:
        refused = httpx2.get(f"{url}/v1/open", headers=headers)

    assert refused.status_code == 431
    assert "16384" in str(error_of(refused)["message"])


@pytest.mark.parametrize("path", ["/v1/models", "/demo/v1/models", "/nowhere"])
def test_where_there_is_no_socket_a_handshake_is_told_so(path: str) -> None:
    with serve(demo_service()) as url:
        refused = httpx2.get(f"{url}{path}", headers={**HANDSHAKE, "x-request-id": "call-1"})

    assert refused.status_code == 404
    assert error_of(refused)["code"] == "unknown_url"
    assert refused.headers["x-request-id"] == "call-1"


LONG = "x" * 48_000


def curt_service(closed: threading.Event) -> Service:
    """Has sockets that the server closes, one of them after a long message."""
    service = demo_service()

    @service.websocket("/v1/curt")
    async def curt(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close(1008)

    @service.websocket("/v1/long")
    async def long(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(LONG)
        await socket.close(1000)
        await asyncio.sleep(10 * SHORT_S)
        closed.set()

    return service


SHORT_S = 0.03


def test_a_client_that_does_not_answer_a_close_is_not_waited_for() -> None:
    service = curt_service(threading.Event())
    with serve(service) as url, closing(sent(url, request("GET /v1/curt"))) as connection:
        begun = time.monotonic()
        rest(connection)
        closed_after_s = time.monotonic() - begun

    assert closed_after_s < 8


def test_a_client_that_reads_slowly_and_sends_gets_all_that_came_before_the_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ws_server, "_ANSWERS_WITHIN_S", SHORT_S)
    closed = threading.Event()
    with serve(curt_service(closed)) as url, closing(small_receiver(url)) as connection:
        connection.sendall(request("GET /v1/long"))
        assert closed.wait(10)
        connection.sendall(Frame(Opcode.TEXT, b"more").serialize(mask=True))
        heard = rest(connection)

    assert heard.count(b"x" * len(LONG)) == 1
    assert heard.endswith(Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=False))


def rest(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def small_receiver(url: str) -> socket.socket:
    """A connection whose system takes a few kilobytes, and the rest when those are read."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(10)
    connection.connect((host, int(port)))
    return connection
