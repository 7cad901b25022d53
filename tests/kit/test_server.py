"""Starting and stopping a service as a process."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from queue import Queue, SimpleQueue
from threading import Thread

import httpx2
import pytest

from parley_kit.server import bind
from tests.serving import wait_until

PROGRAM = """
import sys
from parley_kit.server import main
from parley_kit.settings import ServiceSettings
from tests.kit.demo import Demo, demo_service
fails = RuntimeError("no such model") if "fail" in sys.argv else None
engine = Demo(fails=fails, loads="forever" not in sys.argv)
sys.exit(main(ServiceSettings, lambda s: demo_service(engine, **dict(s))))
"""
ROOT = Path(__file__).parents[2]


def put_all(said: Iterable[str], lines: "Queue[str]") -> None:
    for line in said:
        lines.put(line)


@contextmanager
def process(*args: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], Queue[str]]]:
    """The demo service as a process of its own, with the lines that it logs."""
    command = [sys.executable, "-c", PROGRAM, *args]
    settings = {"ALLOW_ANONYMOUS": "true", "LISTEN_PORT": "0", **environment}
    with subprocess.Popen(
        command, cwd=ROOT, env=settings, stderr=subprocess.PIPE, text=True
    ) as child:
        lines: Queue[str] = Queue()
        assert child.stderr is not None
        reader = Thread(target=put_all, args=(child.stderr, lines))
        reader.start()
        try:
            yield child, lines
        finally:
            child.kill()
            reader.join(5)


def url_of(lines: "Queue[str]") -> str:
    while True:
        line = json.loads(lines.get(timeout=10))
        if line["message"] == "listening":
            return f"http://127.0.0.1:{line['port']}"


def test_who_comes_while_a_service_starts_waits_for_it() -> None:
    with process() as (_, lines):
        assert httpx2.get(f"{url_of(lines)}/readyz", timeout=10).status_code == 200


def test_who_comes_while_a_service_loads_for_long_is_told_so() -> None:
    with process("forever") as (_, lines):
        refused = httpx2.get(f"{url_of(lines)}/readyz", timeout=20)

    assert refused.status_code == 503
    assert "starting" in refused.text


def test_sigterm_lets_a_request_in_flight_finish_and_then_ends_the_process() -> None:
    with process() as (child, lines):
        url = url_of(lines)
        with httpx2.stream("GET", f"{url}/v1/events?count=20000", timeout=10) as response:
            received = response.iter_lines()
            next(received)
            child.send_signal(signal.SIGTERM)
            rest = [line for line in received if line]
        assert rest[-1] == "data: [DONE]"
        assert len(rest) == 20000
        assert child.wait(5) == 0


def test_who_reaches_a_stopping_service_is_answered_and_who_does_not_is_refused() -> None:
    """A gateway may try another replica where it was refused, and nowhere else."""
    with process() as (child, lines), ThreadPoolExecutor(16) as callers:
        url = url_of(lines)
        wait_until(lambda: httpx2.get(f"{url}/readyz").status_code == 200, 5, "ready")
        served = SimpleQueue[int]()
        rounds = [callers.submit(call_until_refused, url, served) for _ in range(16)]
        wait_until(lambda: served.qsize() > 50, 20, "all call")
        child.send_signal(signal.SIGTERM)
        for one in rounds:
            one.result(20)
        assert child.wait(5) == 0

    assert {served.get() for _ in range(served.qsize())} == {200}


def call_until_refused(url: str, statuses: SimpleQueue[int]) -> None:
    """Each time on a new connection."""
    try:
        while True:
            statuses.put(httpx2.get(f"{url}/v1/open", timeout=10, trust_env=False).status_code)
    except httpx2.ConnectError:
        return


def test_a_connection_that_is_open_when_the_service_stops_may_bring_its_request() -> None:
    with process() as (child, lines):
        where = url_of(lines).removeprefix("http://")
        new, idle = HTTPConnection(where, timeout=5), HTTPConnection(where, timeout=5)
        with closing(new), closing(idle):
            new.connect()
            assert status_of(idle) == 200
            child.send_signal(signal.SIGTERM)
            assert idle.sock.recv(1) == b"", "the service stops"
            assert status_of(new) == 200
        assert child.wait(5) == 0


def status_of(connection: HTTPConnection) -> int:
    connection.request("GET", "/v1/open")
    with connection.getresponse() as response:
        response.read()
        return response.status


def test_a_draining_service_says_so_before_it_stops_listening() -> None:
    with process(DRAIN_DELAY_S="30") as (child, lines):
        url = url_of(lines)
        wait_until(lambda: httpx2.get(f"{url}/readyz").status_code == 200, 5, "ready")
        child.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx2.get(f"{url}/readyz").status_code == 503, 1, "draining")
        assert httpx2.get(f"{url}/v1/open").status_code == 200
        child.send_signal(signal.SIGTERM)
        assert child.wait(5) == 0


def test_a_request_that_outlives_the_grace_period_does_not_keep_the_process() -> None:
    with process(SHUTDOWN_GRACE_S="1") as (child, lines):
        url = url_of(lines)
        with httpx2.stream("GET", f"{url}/v1/events?fail=hang", timeout=10):
            child.send_signal(signal.SIGTERM)
            assert child.wait(5) == 0


def test_an_engine_that_cannot_start_ends_the_process_with_1() -> None:
    with process("fail") as (child, _):
        assert child.wait(10) == 1


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"ALLOW_ANONYMOUS": "false"}, "No API key is configured"),
        ({"LISTEN_PORT": "canary"}, "LISTEN_PORT"),
        ({"API_KEYS_FILE": "nowhere"}, "API_KEYS_FILE: cannot read nowhere"),
        ({"LISTEN_HOST": "192.0.2.1"}, "Cannot listen on 192.0.2.1"),
    ],
)
def test_wrong_settings_end_the_process_with_2_and_one_sentence(
    environment: dict[str, str], sentence: str
) -> None:
    with process(**environment) as (child, lines):
        assert child.wait(10) == 2
        wait_until(lambda: lines.qsize() == 1, 5, "one line is said")
        line = lines.get()
        assert sentence in line
        assert "canary" not in line


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with process(LISTEN_PORT=port) as (child, lines):
            assert child.wait(10) == 2
            line = lines.get(timeout=5)
            assert line == (
                f"Port {port} on 127.0.0.1 is already taken: stop what uses it or choose another.\n"
            )


def test_an_ipv6_loopback_can_be_listened_on() -> None:
    with bind("::1", 0) as sock:
        assert sock.getsockname()[0] == "::1"
