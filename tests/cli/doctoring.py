"""What the doctor's tests stand on: programs that say what a test wants, and foreign servers."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = {
    "name": "parley",
    "services": {
        "gateway": {
            "image": "parley/gateway:nginx",
            "ports": [
                {"target": 8080, "published": "0", "host_ip": "127.0.0.1", "protocol": "tcp"}
            ],
        },
        "llm": {"image": "parley/llm:embedded", "environment": {"LLM_ENGINE": "scripted"}},
    },
}


@dataclass(frozen=True, slots=True)
class Programs:
    """A directory for the PATH; a program is a shell script."""

    directory: Path

    def add(self, name: str, script: str) -> None:
        path = self.directory / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def add_docker(
        self, *, info: str = '{"ServerVersion": "28.0.1"}', config: object = CONFIG, ps: str = ""
    ) -> None:
        """A Docker that answers what the doctor asks; `info` and `config` are what it tells."""
        script = "\n".join(
            [
                'case "$*" in',
                f"  info*) {_saying(info)} ;;",
                f"  'compose version'*) {_saying('2.40.0')} ;;",
                f"  'buildx version') {_saying('github.com/docker/buildx v0.20.0 abc')} ;;",
                f"  compose*config*) {_saying(json.dumps(config))} ;;",
                f"  compose*ps*) {_saying(ps)} ;;",
                "  'image ls'*|'volume ls'*) ;;",
                "  *) exit 9 ;;",
                "esac",
            ]
        )
        self.add("docker", script)


def _saying(text: str) -> str:
    return f"cat <<'END'\n{text}\nEND\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a foreign server says; `hangs` until the test ends."""

    status: int = 200
    body: bytes = b"{}"
    kind: str = "application/json"
    hangs: bool = False


@dataclass(slots=True)
class Foreign:
    """A server of somebody else's, with what it was asked."""

    url: str
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)


@contextmanager
def foreign(answer: Callable[[str, Mapping[str, str]], Answer]) -> Iterator[Foreign]:
    """Serve what `answer` says to a path and headers."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            served.asked.append((self.path, headers))
            said = answer(self.path, headers)
            if said.hangs:
                ended.wait(30)
                return
            self.send_response(said.status)
            self.send_header("content-type", said.kind)
            self.send_header("content-length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Foreign(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
