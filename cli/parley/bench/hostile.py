"""What hostile uploads of 25 MiB cost a speech-to-text service and its other callers."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from parley.bench.bombs import BOMBS, silence
from parley.bench.figures import Report, percentile
from parley.bench.process import resident_bytes
from parley.bench.served import Served
from parley.errors import ServiceFailed

_MAX_BYTES = 25 << 20
_ROUNDS = 8
_REQUESTS = 10
_SAMPLE_EVERY_S = 0.005
_TIMEOUT_S = 60
_BOUNDARY = "parley"


def measure(report: Report, service: Served, speech: bytes, step: Callable[[str], None]) -> None:
    """Add the figures.

    Args:
        speech: a short recording that the service can transcribe; what a well-behaved caller sends.
    """
    step("packing days of silence into 25 MiB")
    bombs = {name: _form(silence(bomb, _MAX_BYTES)) for name, bomb in BOMBS.items()}
    _costs(report, service, bombs, step)
    _neighbour(report, service, tuple(bombs.values()), _form(speech), step)


def _costs(
    report: Report, service: Served, bombs: Mapping[str, bytes], step: Callable[[str], None]
) -> None:
    """Seconds and memory of each bomb on its own; the first upload of all warms up."""
    with _Caller(service.url) as attacker:
        attacker.send(bombs["AAC"])
        peak = 0.0
        for name, bomb in bombs.items():
            step(f"a {name} bomb")
            with _watched(service.pid) as memory:
                seconds, status = attacker.send(bomb)
            if status != 400:
                raise ServiceFailed(f"A {name} bomb was answered with {status} and not refused.")
            how = f"{len(bomb) >> 20} MiB of silence"
            report.add(f"{name} bomb refused", seconds, "s", 3, how)
            peak = max(peak, memory.extra)
    how = "the worst of those bombs; the service with all its processes"
    report.add("bomb, peak extra memory", peak / 1e6, "MB", 300, how)


def _neighbour(
    report: Report,
    service: Served,
    bombs: Sequence[bytes],
    speech: bytes,
    step: Callable[[str], None],
) -> None:
    alone: list[float] = []
    attacked: list[float] = []
    with _Caller(service.url) as caller:
        caller.transcribe(speech)
        for number in range(_ROUNDS):
            step(f"a neighbour of bombs, round {number + 1} of {_ROUNDS}")
            alone += [caller.transcribe(speech) for _ in range(_REQUESTS)]
            with _bombardment(service.url, bombs):
                attacked += [caller.transcribe(speech) for _ in range(_REQUESTS)]
    how = (
        f"p95 of {len(alone)} short requests while bombs arrive back to back, "
        "over that of as many in turn without"
    )
    ratio = percentile(attacked, 95) / percentile(alone, 95)
    report.add("short requests beside bombs, p95", ratio, "x", 1.2, how)


@contextmanager
def _bombardment(url: str, bombs: Sequence[bytes]) -> Iterator[None]:
    """One caller who sends bomb after bomb, the next as soon as one has been refused."""
    over = threading.Event()

    def attack() -> None:
        with _Caller(url) as attacker:
            while not over.is_set():
                for bomb in bombs:
                    attacker.send(bomb)

    with ThreadPoolExecutor(1) as thread:
        attacking = thread.submit(attack)
        try:
            yield
        finally:
            over.set()
            attacking.result()


class _Caller:
    """One connection; sending 25 MiB on it takes no time from who measures beside it."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self._connection = http.client.HTTPConnection(
            address.hostname, address.port, timeout=_TIMEOUT_S
        )

    def __enter__(self) -> "_Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def transcribe(self, body: bytes) -> float:
        """Seconds until the transcript has come.

        Raises:
            ServiceFailed: there is none.
        """
        seconds, status = self.send(body)
        if status != 200:
            raise ServiceFailed(f"Speech beside bombs was answered with {status}.")
        return seconds

    def send(self, body: bytes) -> tuple[float, int]:
        """Seconds until the reply to a `_form` has come, and its status."""
        headers = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
        started = time.perf_counter()
        self._connection.request("POST", "/stt/v1/audio/transcriptions", body, headers)
        response = self._connection.getresponse()
        response.read()
        return time.perf_counter() - started, response.status


def _form(file: bytes) -> bytes:
    part = f"--{_BOUNDARY}\r\ncontent-disposition: form-data; name="
    head = f'{part}"model"\r\n\r\nwhisper-1\r\n{part}"file"; filename="upload"\r\n\r\n'
    return head.encode() + file + f"\r\n--{_BOUNDARY}--\r\n".encode()


@dataclass(slots=True)
class _Memory:
    """Bytes."""

    before: int
    samples: list[int] = field(default_factory=list)

    @property
    def extra(self) -> int:
        return max(self.samples) - self.before


@contextmanager
def _watched(pid: int) -> Iterator[_Memory]:
    """The memory of a process and its descendants while the context lasts."""
    memory, over = _Memory(resident_bytes(pid)), threading.Event()

    def sample() -> None:
        while not over.wait(_SAMPLE_EVERY_S):
            with suppress(FileNotFoundError, ProcessLookupError):  # a child has just ended
                memory.samples.append(resident_bytes(pid))

    with ThreadPoolExecutor(1) as thread:
        sampling = thread.submit(sample)
        try:
            yield memory
        finally:
            over.set()
            sampling.result()
