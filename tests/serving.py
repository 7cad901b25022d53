"""Runs applications on real sockets for the tests."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import httpx2
from starlette.types import ASGIApp

from parley_kit.app import Service
from parley_kit.health import State
from parley_kit.server import Server, bind, config

READY_WITHIN_S = 30.0
_GRACE_S = 5


@contextmanager
def serve(
    app: Service,
    *,
    on: ASGIApp | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    wait_for_ready: bool = True,
) -> Iterator[str]:
    """Serve `app` in a thread of its own; the value is its address, `http://host:port`.

    It has loaded or failed to when the body of the `with` runs. `on` is the application around
    it, where there is one.
    """
    sock = bind(host, port)
    server = Server(config(on or app, grace_s=_GRACE_S), app.health.mark_draining)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    url = f"http://{host}:{sock.getsockname()[1]}"
    try:
        wait_until(lambda: server.started, READY_WITHIN_S, "the server listens")
        if wait_for_ready:
            wait_until(
                lambda: app.health.state is not State.STARTING, READY_WITHIN_S, "the engine loads"
            )
        yield url
    finally:
        server.stop()
        thread.join(_GRACE_S + 5)
        sock.close()
        assert not thread.is_alive(), "the server ended"


@asynccontextmanager
async def stopping(url: str, stack: ExitStack) -> AsyncIterator[None]:
    """The server at `url`, which `stack` closes, takes nobody more; at the end it has stopped."""
    ending = asyncio.create_task(asyncio.to_thread(stack.close))
    try:
        await asyncio.to_thread(wait_until, lambda: not _listens(url), 5, "it stops")
        yield
    finally:
        await ending


def _listens(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def wait_until(condition: object, within_s: float, what: str) -> None:
    """Poll until `condition()` holds; fail with `what` when it does not in time."""
    assert callable(condition)
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"in {within_s} s: {what}"
        time.sleep(0.005)


def open_request(url: str, request_line: str, body: object = None) -> socket.socket:
    """Send a request over a raw socket, which the caller may close whenever it likes."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=5)
    head = f"{request_line} HTTP/1.1\r\nhost: {host}\r\n"
    content = b"" if body is None else json.dumps(body).encode()
    if content or request_line.startswith("POST"):
        head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n"
    connection.sendall(f"{head}\r\n".encode() + content)
    return connection


def error_of(response: httpx2.Response) -> dict[str, str | None]:
    """The error in a response, after a look at its envelope."""
    assert response.headers["content-type"].startswith("application/json"), response.text
    assert response.headers["x-request-id"]
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, str | None] = body["error"]
    return error
