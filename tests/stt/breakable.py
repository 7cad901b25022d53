"""STT services that tests break, and a look at their processes."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from parley_stt.app import create_app
from parley_stt.settings import SttSettings
from tests.serving import serve, wait_until

FREED_WITHIN_S = 1.0


class Stt:
    """An STT service that a test may break."""

    def __init__(self, url: str, key: str = "any") -> None:
        self.url = url
        headers = {"authorization": f"Bearer {key}"}
        self.client = httpx2.Client(base_url=url, headers=headers, timeout=30)

    @property
    def status(self) -> Any:
        return self.client.get("/status").json()

    @property
    def workers(self) -> list[int]:
        return self.status["workers"]

    @property
    def in_flight(self) -> int:
        """Requests beside the one that asks."""
        lines = self.client.get("/metrics").text.splitlines()
        count = next(line for line in lines if line.startswith("parley_in_flight "))
        return int(float(count.split()[1])) - 1

    def transcribe(self, file: bytes, **fields: str) -> httpx2.Response:
        return self.client.send(self.request(file, **fields))

    def start(self, file: bytes, **fields: str) -> socket.socket:
        """Send a request and leave the answer to the caller, who may hang up."""
        head, body = self._raw(file, fields)
        return self._connect(head + body)

    def start_slowly(self, file: bytes, **fields: str) -> socket.socket:
        """Send the first half of a request."""
        head, body = self._raw(file, fields)
        return self._connect(head + body[: len(body) // 2])

    def _raw(self, file: bytes, fields: dict[str, str]) -> tuple[bytes, bytes]:
        request = self.request(file, **fields)
        request.read()
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        path = request.url.raw_path.decode()
        return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode(), request.content

    def _connect(self, request: bytes) -> socket.socket:
        host, port = self.url.removeprefix("http://").split(":")
        connection = socket.create_connection((host, int(port)), timeout=10)
        connection.sendall(request)
        return connection

    def await_load(self, running: int, queued: int = 0) -> None:
        def reached() -> bool:
            status = self.status
            return (status["running"], status["queued"]) == (running, queued)

        wait_until(reached, FREED_WITHIN_S, f"{running} run and {queued} wait")

    def await_work(self) -> int:
        """The worker that has begun to work hard."""
        before = {pid: cpu_ticks(pid) for pid in self.workers}
        busy: list[int] = []

        def found() -> bool:
            busy[:] = [pid for pid, ticks in before.items() if cpu_ticks(pid) > ticks + 10]
            return bool(busy)

        wait_until(found, 10, "a worker is at work")
        return busy[0]

    def request(self, file: bytes, **fields: str) -> httpx2.Request:
        return self.client.build_request(
            "POST",
            "/stt/v1/audio/transcriptions",
            data={"model": "whisper-1", **fields},
            files={"file": ("upload", file)},
        )


@contextmanager
def service(**settings: Any) -> Iterator[Stt]:
    with serve(create_app(SttSettings(allow_anonymous=True, **settings))) as url:
        stt = Stt(url)
        with stt.client:
            yield stt


@contextmanager
def process(
    log: Path, key: str = "any", *, wait_for_ready: bool = True, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], Stt]]:
    """`python -m parley_stt` on a port of its choice, logging all that it would ever log."""
    environment = {
        **os.environ,
        "API_KEYS": key,
        "LISTEN_PORT": "0",
        "LOG_LEVEL": "debug",
        **environment,
    }
    command = [sys.executable, "-X", "dev", "-m", "parley_stt"]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, stderr=stderr, env=environment) as service,
    ):
        try:
            wait_until(lambda: '"port": ' in log.read_text(), 20, "it listens")
            port = int(log.read_text().partition('"port": ')[2].partition("}")[0])
            stt = Stt(f"http://127.0.0.1:{port}", key)
            with stt.client:
                if wait_for_ready:
                    wait_until(lambda: stt.client.get("/readyz").is_success, 20, "it is ready")
                yield service, stt
        finally:
            service.kill()


def cpu_ticks(pid: int) -> int:
    """User time of a process, in hundredths of a second."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def children() -> set[int]:
    """Processes of this one that run."""
    own = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            own.add(int(stat.parent.name))
    return own
