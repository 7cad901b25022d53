"""A Hugging Face hub with one repository, as slow as a test wants it.

    python hub.py <folder>

serves it in a container; the file /tmp/may-finish says there that downloads may finish.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

_COMMIT = "a" * 40
# The client counts in steps of 10 MB; the model of the tests is smaller than one.
_BALLAST = "vocabulary.ballast"
_BALLAST_BYTES = 60_000_000
_PATIENCE_S = 120
_PORT_IN_CONTAINER = 8000


@dataclass
class Hub:
    """Serves the files of a folder as the repository `name`; `asked` counts requests."""

    folder: Path
    name: str = "test/whisper"
    url: str = ""
    asked: int = 0
    may_finish: threading.Event = field(default_factory=threading.Event)
    """The second half of the largest file waits for it."""

    def send(self, request: BaseHTTPRequestHandler) -> None:
        self.asked += 1
        path = urlsplit(request.path).path
        if not path.removeprefix("/api/models").startswith(f"/{self.name}"):
            request.send_error(404)
        elif path.startswith("/api/"):
            self._send_listing(request, tree="/tree/" in path)
        else:
            self._send_file(request, path.partition("/resolve/")[2].partition("/")[2])

    def _send_listing(self, request: BaseHTTPRequestHandler, *, tree: bool) -> None:
        files = {
            str(file.relative_to(self.folder)): file.stat().st_size
            for file in self.folder.rglob("*")
            if file.is_file()
        }
        files[_BALLAST] = _BALLAST_BYTES
        listing: object = [
            {"type": "file", "path": name, "size": size, "oid": "0" * 40}
            for name, size in files.items()
        ]
        if not tree:
            siblings = [{"rfilename": name} for name in files]
            listing = {"id": self.name, "sha": _COMMIT, "siblings": siblings}
        body = json.dumps(listing).encode()
        _head(request, {"content-type": "application/json", "content-length": str(len(body))})
        request.wfile.write(body)

    def _send_file(self, request: BaseHTTPRequestHandler, name: str) -> None:
        is_ballast = name == _BALLAST
        content = bytes(_BALLAST_BYTES) if is_ballast else (self.folder / name).read_bytes()
        etag = f'"{len(content):040}"'
        _head(
            request,
            {"etag": etag, "x-repo-commit": _COMMIT, "content-length": str(len(content))},
        )
        if request.command == "HEAD":
            return
        half = len(content) // 2
        request.wfile.write(content[:half])
        if is_ballast:
            self.may_finish.wait(_PATIENCE_S)
        request.wfile.write(content[half:])


def _head(request: BaseHTTPRequestHandler, headers: dict[str, str]) -> None:
    request.send_response(200)
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()


@contextmanager
def hub(
    folder: Path, name: str = "test/whisper", host: str = "127.0.0.1", port: int = 0
) -> Iterator[Hub]:
    hub = Hub(folder, name)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(ConnectionError):  # the client was killed
                hub.send(self)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    hub.url = f"http://{host}:{server.server_port}"
    try:
        yield hub
    finally:
        hub.may_finish.set()
        server.shutdown()
        server.server_close()
        thread.join()


def main(folder: str) -> None:
    with hub(Path(folder), host="0.0.0.0", port=_PORT_IN_CONTAINER) as there:
        while True:
            if Path("/tmp/may-finish").exists():
                there.may_finish.set()
            time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1])
