"""Callers who hang up, queues that are full, workers that die: nobody else notices."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from parley_stt.app import create_app
from parley_stt.settings import SttSettings
from tests.serving import error_of, serve, wait_until
from tests.stt.breakable import FREED_WITHIN_S, Stt, children, is_gone, service
from tests.stt.recordings import WEATHER, WEATHER_TEXT, long_speech


@pytest.fixture(scope="module")
def wide_service() -> Iterator[Stt]:
    with service() as stt:
        yield stt


@pytest.fixture(scope="module")
def narrow_service() -> Iterator[Stt]:
    with service(workers=1, max_concurrency=1, max_queue=1) as stt:
        yield stt


@pytest.fixture
def stt(wide_service: Stt) -> Stt:
    """Two at a time."""
    return settled(wide_service, 2)


@pytest.fixture
def narrow(narrow_service: Stt) -> Stt:
    """One at a time, and one who waits."""
    return settled(narrow_service, 1)


def settled(stt: Stt, workers: int) -> Stt:
    """A service that has recovered from the test before."""
    stt.await_load(running=0)
    wait_until(
        lambda: sum(not is_gone(pid) for pid in stt.workers) == workers, 10, "the workers are there"
    )
    return stt


def test_a_caller_who_hangs_up_ends_the_work_and_frees_the_place(narrow: Stt) -> None:
    with narrow.start(long_speech()):
        worker = narrow.await_work()

    narrow.await_load(running=0)
    wait_until(lambda: is_gone(worker), FREED_WITHIN_S, "the worker stops")
    assert narrow.transcribe(WEATHER.read_bytes()).json()["text"] == WEATHER_TEXT


def test_a_caller_who_hangs_up_in_mid_stream_ends_the_work(narrow: Stt) -> None:
    with narrow.start(long_speech(), stream="true") as connection:
        received = b""
        while b"transcript.text.delta" not in received:
            received += connection.recv(4096)

    narrow.await_load(running=0)
    assert narrow.transcribe(WEATHER.read_bytes()).json()["text"] == WEATHER_TEXT


def test_a_caller_who_hangs_up_while_waiting_leaves_the_queue(narrow: Stt) -> None:
    with narrow.start(long_speech()):
        narrow.await_load(running=1)
        with narrow.start(long_speech()):
            narrow.await_load(running=1, queued=1)
        narrow.await_load(running=1)


def test_the_first_delta_comes_before_the_last_segment_is_decoded(narrow: Stt) -> None:
    with closing(narrow.start(long_speech(), stream="true")) as connection:
        received = b""
        while b"transcript.text.delta" not in received:
            received += connection.recv(4096)

        assert b"transcript.text.done" not in received
        assert narrow.status["running"] == 1


def test_a_full_queue_refuses_before_the_upload_is_read(narrow: Stt) -> None:
    with narrow.start(long_speech()), narrow.start(long_speech()):
        narrow.await_load(running=1, queued=1)
        host, port = narrow.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(
                b"POST /stt/v1/audio/transcriptions HTTP/1.1\r\nhost: stt\r\n"
                b"content-type: multipart/form-data; boundary=x\r\ncontent-length: 20000000\r\n\r\n"
            )
            started = time.monotonic()
            answer = b""
            while b"}}" not in answer:
                answer += connection.recv(4096)

    assert time.monotonic() - started < 0.5
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"\r\nretry-after: " in answer
    assert b'"overloaded"' in answer


def test_no_more_uploads_are_read_than_could_be_let_in(narrow: Stt) -> None:
    with narrow.start_slowly(long_speech()), narrow.start_slowly(long_speech()):
        wait_until(lambda: narrow.in_flight == 2, 5, "both have begun")

        refused = narrow.transcribe(WEATHER.read_bytes())

        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
    wait_until(lambda: narrow.in_flight == 0, 5, "they make room")
    assert narrow.transcribe(WEATHER.read_bytes()).status_code == 200


def test_a_deadline_ends_the_work(narrow: Stt) -> None:
    request = narrow.request(long_speech())
    request.headers["x-request-timeout"] = "0.5"
    response = narrow.client.send(request)

    assert response.status_code == 504
    assert error_of(response)["code"] == "deadline_exceeded"
    narrow.await_load(running=0)


def test_a_worker_that_dies_costs_one_request_and_is_replaced(stt: Stt) -> None:
    with ThreadPoolExecutor() as pool:
        doomed = pool.submit(stt.transcribe, long_speech())
        victim = stt.await_work()
        other = pool.submit(stt.transcribe, WEATHER.read_bytes())
        os.kill(victim, signal.SIGKILL)

        assert error_of(doomed.result())["code"] == "internal_error"
        assert doomed.result().status_code == 500
        assert other.result().json()["text"] == WEATHER_TEXT
    wait_until(lambda: len(stt.workers) == 2, 10, "the worker is replaced")
    assert victim not in stt.workers


def test_a_worker_that_dies_in_mid_stream_is_an_error_event(stt: Stt) -> None:
    with closing(stt.start(long_speech(), stream="true")) as connection:
        received = b""
        while b"transcript.text.delta" not in received:
            received += connection.recv(4096)
        for worker in stt.workers:
            os.kill(worker, signal.SIGKILL)
        while not received.endswith(b"0\r\n\r\n"):
            received += connection.recv(4096)

    last = received.decode().split("data: ")[-1].split("\n")[0]
    assert json.loads(last)["error"]["code"] == "internal_error"


def test_idle_workers_that_die_are_replaced_before_anybody_asks(stt: Stt) -> None:
    victims = stt.workers
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(set(stt.workers) - set(victims)) == 2, 10, "they are replaced")

    assert stt.transcribe(WEATHER.read_bytes()).json()["text"] == WEATHER_TEXT


def test_many_callers_are_served_and_heard_right(stt: Stt) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(stt.transcribe, [WEATHER.read_bytes()] * 8))

    assert {answer.json()["text"] for answer in answers} == {WEATHER_TEXT}


def test_closing_leaves_no_process_behind() -> None:
    with service() as stt:
        workers = stt.workers
        assert len(workers) == 2

    assert all(is_gone(worker) for worker in workers)


def test_closing_while_loading_leaves_no_process_behind() -> None:
    before = children()
    with serve(create_app(SttSettings(allow_anonymous=True)), wait_for_ready=False):
        wait_until(lambda: children() - before, 5, "a worker starts")

    assert children() <= before
