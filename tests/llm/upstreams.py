"""Servers that do what a test says: they keep what they were asked, and fail as told."""

import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODELS = {
    "object": "list",
    "data": [{"id": "org/model", "object": "model", "created": 1, "owned_by": "x", "extra": 1}],
}
WHOLE = b'{"id":"1","object":"chat.completion","choices":[],"something":{"of":"its own"}}'
SSE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)
        return data


class Exchange(socketserver.StreamRequestHandler):
    """One connection to the server; its behaviour answers what is not a question for models."""

    server: "FakeServer"

    def handle(self) -> None:
        while line := self.rfile.readline():
            headers = dict(self._headers())
            body = self.rfile.read(int(headers.get("content-length", "0")))
            if line.startswith(b"GET"):
                self.reply(*self.server.models)
                continue
            self.server.asked.append(Asked(line.decode().strip(), headers, body))
            self.server.behave(self)
            return

    def _headers(self) -> Iterator[tuple[str, str]]:
        while (header := self.rfile.readline().strip()) != b"":
            name, _, value = header.decode("latin-1").partition(":")
            yield name.lower(), value.strip()

    def reply(
        self, status: int, body: bytes, kind: str = "application/json", **headers: str
    ) -> None:
        """A whole response; `retry_after="1"` is the header `retry-after`."""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.wfile.write(
            f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{more}"
            f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )

    def begin(self, kind: str = SSE, **headers: str) -> None:
        """The head of a chunked response."""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.wfile.write(
            f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{more}"
            "connection: close\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        )

    def write(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def wait_for_hang_up(self) -> None:
        """Return once the service has closed the connection."""
        self.connection.settimeout(10)
        assert self.rfile.read(1) == b""
        self.server.hung_up.set()


Behaviour = Callable[[Exchange], None]


class FakeServer(socketserver.ThreadingTCPServer):
    """An OpenAI-compatible API as far as a test needs one."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, behave: Behaviour, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.behave = behave
        self.models = (200, json.dumps(MODELS).encode())
        self.asked: list[Asked] = []
        self.hung_up = threading.Event()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v1"

    @property
    def port(self) -> int:
        return int(self.server_address[1])


CERTIFICATE = Path(__file__).parent / "localhost.pem"
"""Of 127.0.0.1, signed by itself, with its key: for tests alone."""


@contextmanager
def upstream(behave: Behaviour, *, port: int = 0, tls: bool = False) -> Iterator[FakeServer]:
    """A server that answers questions with `behave`."""
    server = FakeServer(behave, port)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
