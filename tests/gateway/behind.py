"""Services behind a gateway, for the tests."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from starlette.requests import Request

from parley.bench.gateway_nginx import Gateway, gateway
from parley_kit.app import Service
from tests.kit.demo import Demo, demo_service
from tests.serving import serve


def demo(name: str = "stt", engine: Demo | None = None, **settings: object) -> Service:
    """The kit's demo as one of the services; `/v1/headers` tells what reached it."""
    service = demo_service(engine, **settings)
    service.name = name

    @service.api_route("/v1/headers", methods=["GET", "POST"])
    async def headers(request: Request) -> dict[str, object]:
        await request.body()
        return {
            "path": request.scope["raw_path"].decode(),
            "headers": [(k.decode(), v.decode()) for k, v in request.headers.raw],
        }

    return service


@contextmanager
def behind(service: Service, **settings: str) -> Iterator[Gateway]:
    """A gateway with one service behind it."""
    with serve(service) as url, gateway({service.name: where(url)}, **settings) as front:
        yield front


def where(url: str) -> str:
    return urlsplit(url).netloc


def send(url: str, data: bytes, *, timeout_s: float = 5) -> bytes:
    """All that comes back for these bytes until the other side closes."""
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    with socket.create_connection((address.hostname, address.port), timeout_s) as connection:
        connection.sendall(data)
        return rest(connection)


def rest(connection: socket.socket) -> bytes:
    """What comes until the other side closes; a reset is an end too."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return received


def status(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


@contextmanager
def faulty(
    behave: Callable[[socket.socket], object], host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """A server that does what a test wants with each connection; the value is where it is."""
    listener = socket.create_server((host, port))

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                behave(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"{host}:{listener.getsockname()[1]}"
    finally:
        # Closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        assert not thread.is_alive(), "the server ended"


def seconds(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started
