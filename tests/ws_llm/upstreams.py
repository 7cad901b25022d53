"""Upstreams that do what a test says: they record what they were asked, and fail as told."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

MODELS = b'{"object":"list","data":[{"id":"qwen2-5-7b-instruct","object":"model"}]}'

Behaviour = Callable[["Exchange"], None]


class Exchange(socketserver.StreamRequestHandler):
    """One request to the upstream; a behaviour answers it."""

    server: "Upstream"

    def handle(self) -> None:
        while line := self.rfile.readline():
            headers: dict[str, str] = {}
            while (header := self.rfile.readline().strip()) != b"":
                name, _, value = header.decode().partition(":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers.get("content-length", 0)))
            self.server.headers.append(headers)
            if line.startswith(b"GET"):
                self.reply(*self.server.models)
                continue
            self.server.asked.append(json.loads(body))
            self.server.behave(self)
            return

    def reply(self, status: int, body: bytes, kind: str = "application/json") -> None:
        """A whole response."""
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def begin(self) -> None:
        """The head of a stream, which ends when the connection does."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")

    def say(self, text: str) -> None:
        self.event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})

    def stop(self) -> None:
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def event(self, data: object) -> None:
        self.wfile.write(b"data: %s\n\n" % json.dumps(data).encode())

    def wait_for_hang_up(self) -> None:
        """Return once the service has closed the connection."""
        self.connection.settimeout(10)
        assert self.rfile.read(1) == b""
        self.server.hung_up.set()


class Upstream(socketserver.ThreadingTCPServer):
    """An OpenAI-compatible API as far as a test needs one."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, behave: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.behave = behave
        self.models = (200, MODELS)
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.hung_up = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def contexts(self) -> list[list[str]]:
        """What each request told of the conversation, without the instructions."""
        return [[m["content"] for m in request["messages"][1:]] for request in self.asked]


@contextmanager
def upstream(behave: Behaviour) -> Iterator[Upstream]:
    """Serve `behave` until the context ends."""
    with Upstream(behave) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def says(*pieces: str) -> Behaviour:
    """An upstream that always answers the same."""

    def behave(exchange: Exchange) -> None:
        exchange.begin()
        for piece in pieces:
            exchange.say(piece)
        exchange.stop()

    return behave
