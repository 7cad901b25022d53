"""Clients that hold a connection open without using it are closed within ten seconds."""

import contextlib
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from parley.bench.gateway_nginx import Gateway
from tests.gateway.behind import behind, demo, rest
from tests.kit.demo import Demo
from tests.serving import wait_until

CLOSED_WITHIN_S = 10.0
_HEAD = b"POST /stt/v1/length HTTP/1.1\r\nHost: a\r\n"
_UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def silent(connection: socket.socket) -> None:
    """Says nothing at all."""


def slow_header(connection: socket.socket) -> None:
    connection.sendall(_HEAD)
    _drip(connection, b"X-A: 1\r\n")


def bomb(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 990) for i in range(1000)))


def endless_header(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"X: ")
    _drip(connection, b"a" * 1000)


def half_a_body(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"Content-Length: 100000\r\n\r\nhalf")


def slow_body(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"Content-Length: 100000\r\n\r\n")
    _drip(connection, b"x")


def slow_chunks(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    _drip(connection, b"1\r\nx\r\n")


def body_below_its_pace(connection: socket.socket) -> None:
    connection.sendall(_HEAD + b"Content-Length: 100000\r\n\r\n")
    _drip(connection, b"x" * 45)  # of 500 a second


CLIENTS = (
    silent,
    slow_header,
    bomb,
    endless_header,
    half_a_body,
    slow_body,
    slow_chunks,
    body_below_its_pace,
)


def _drip(connection: socket.socket, piece: bytes) -> None:
    deadline = time.monotonic() + 2 * CLOSED_WITHIN_S
    while time.monotonic() < deadline:
        connection.sendall(piece)
        time.sleep(0.1)


def closed_after(front: Gateway, behave: Callable[[socket.socket], None]) -> tuple[float, bytes]:
    """Seconds until the gateway has closed, and what it said."""
    address = urlsplit(front.url)
    started = time.monotonic()
    with socket.create_connection((address.hostname or "", address.port or 0), 30) as connection:
        with contextlib.suppress(ConnectionError):
            behave(connection)
        reply = rest(connection)
    return time.monotonic() - started, reply


def test_all_of_them_are_closed_and_leave_nothing_behind() -> None:
    service = demo("stt", Demo())
    with behind(service) as front, ThreadPoolExecutor(len(CLIENTS)) as threads:
        waiting = {one: threads.submit(closed_after, front, one) for one in CLIENTS}
        ends = {one.__name__: end.result()[0] for one, end in waiting.items()}
        wait_until(lambda: service.admission.load.running == 0, 1, "no place is held")

    assert {name: seconds for name, seconds in ends.items() if seconds > CLOSED_WITHIN_S} == {}


def test_a_slow_body_is_told_why() -> None:
    with behind(demo("stt", max_body_wait_s=0.5)) as front:
        _, reply = closed_after(front, half_a_body)

    assert reply.startswith(b"HTTP/1.1 408")
    assert b'"code":"request_timeout"' in reply.replace(b": ", b":")
    assert reply.lower().count(b"x-request-id: ") == 1
