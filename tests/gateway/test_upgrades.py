"""What a service is asked to make a socket of: what opens one where there is one, and no more."""

import socket

import pytest

from parley.bench.gateway_nginx import gateway
from tests.gateway.behind import behind, demo, faulty, send, status, where
from tests.serving import serve
from tests.ws_llm.talking import assistant, language_model

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
LENGTH = "Content-Length: 3\r\n\r\nabc"
CHUNKS = "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
NONE = "\r\n"

SOCKETS = (
    "/stt/v1/realtime?intent=transcription", "/tts/v1/audio/speech/stream", "/ws-llm/ws",
    "/ws-llm/", "/ws-llm/?region=x",
)  # fmt: skip
OTHERS = (
    ("POST", "/tts/v1/audio/speech", LENGTH),
    ("POST", "/tts/v1/audio/speech/stream", LENGTH),
    ("POST", "/ws-llm/", CHUNKS),
    ("GET", "/ws-llm/ws", LENGTH),
    ("GET", "/ws-llm/ws", CHUNKS),
    ("GET", "/ws-llm/ws", "Content-Length: 0\r\n\r\n"),
    ("HEAD", "/ws-llm/ws", NONE),
    ("GET", "/llm/v1/models", NONE),
    ("GET", "/stt/v1/realtime/x", NONE),
    ("GET", "/stt/readyz", NONE),
    ("GET", "/ws-llm/readyz", NONE),
)


def asked(method: str, path: str, end: str) -> bytes:
    """The head that reaches the service."""
    heads: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        connection.settimeout(5)
        heads.append(connection.recv(65536).partition(b"\r\n\r\n")[0])
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with faulty(answer) as service:
        every = dict.fromkeys(("stt", "tts", "llm", "ws-llm"), service)
        with gateway(every) as front:
            send(front.url, request(method, path, UPGRADE + end))
    return heads[0].lower()


def request(method: str, path: str, rest: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\n{rest}".encode()


@pytest.mark.parametrize("path", SOCKETS)
def test_what_opens_a_socket_arrives_as_that(path: str) -> None:
    head = asked("GET", path, NONE)

    assert b"\r\nupgrade: websocket" in head
    assert b"\r\nconnection: upgrade" in head


def test_the_assistants_socket_keeps_its_query_by_either_name() -> None:
    assert asked("GET", "/ws-llm/?region=x", NONE).startswith(b"get /ws-llm/ws?region=x http")


@pytest.mark.parametrize(("method", "path", "end"), OTHERS)
def test_elsewhere_the_header_is_dropped(method: str, path: str, end: str) -> None:
    head = asked(method, path, end)

    assert b"\r\nupgrade:" not in head
    assert b"\r\nconnection: close" in head


@pytest.mark.parametrize("end", [LENGTH, CHUNKS])
def test_a_socket_asked_for_with_a_body_is_answered_as_without_the_header(end: str) -> None:
    with (
        serve(language_model()) as llm,
        serve(assistant(llm)) as url,
        gateway({"ws-llm": where(url)}) as front,
    ):
        plain = send(front.url, request("GET", "/ws-llm/ws", "Connection: close\r\n" + end))
        upgrading = send(front.url, request("GET", "/ws-llm/ws", UPGRADE + end))

    assert status(upgrading) == status(plain) == 404


def test_a_post_that_asks_for_a_socket_is_served_at_once() -> None:
    with behind(demo("tts")) as front:
        for path, expected in (("/tts/v1/length", 200), ("/tts/v1/audio/speech/stream", 404)):
            head = request("POST", path, UPGRADE + LENGTH)
            assert status(send(front.url, head)) == expected
