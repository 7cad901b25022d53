"""The admin page's service: its JSON, its live updates, its metrics, and who may read them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from parley_orchestrator.admin.routes import PAGE
from parley_orchestrator.board import Board
from parley_orchestrator.persona import EXCUSES
from tests.orchestrator.administering import NOBODY, admin_app, board, fail, turn
from tests.serving import error_of, serve, wait_until


@pytest.fixture
def shared() -> Iterator[Board]:
    with board() as shared:
        yield shared


@contextmanager
def stack(statuses: dict[str, int | None]) -> Iterator[str]:
    """Services that answer `/readyz` with a status; None never answers."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = statuses[self.path.split("/")[1]]
            if status is None:
                ended.wait(10)
                return
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


def status_of(url: str) -> dict[str, Any]:
    response = httpx2.get(f"{url}/admin/status")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def test_a_worker_that_nobody_called_is_told_as_it_is(shared: Board) -> None:
    with serve(admin_app(shared, chain="realtime,rest,ws")) as url:
        status = status_of(url)

    assert status["current"]["name"] == "realtime"
    assert [(member["api"], member["state"]) for member in status["chain"]] == [
        ("Realtime WebSocket", "closed"),
        ("REST", "closed"),
        ("WebSocket", "closed"),
    ]
    assert status["chain"][0]["last_failure"] is None
    assert status["calls"] == []
    assert status["board"] is None


def test_an_open_breaker_and_its_reason_are_told(shared: Board) -> None:
    fail(shared, "gemini", "timeout", 3)
    shared.add_served("qwen", 0.21)
    with serve(admin_app(shared)) as url:
        status = status_of(url)

    gemini, qwen = status["chain"]
    assert status["current"] == qwen
    assert gemini["state"] == "open"
    assert gemini["rests_until"] > gemini["last_failure"]["at"]
    assert gemini["last_failure"]["reason"] == "Nothing useful came in time."
    assert (qwen["served"], qwen["ttft_s"]) == (1, 0.21)


def test_a_turn_of_another_process_appears(shared: Board) -> None:
    shared.add_turn(turn(1.0, call="a", endpoint=0.2, stt=0.1, llm=0.3, tts=0.1))
    with serve(admin_app(shared)) as url:
        status = status_of(url)

    (call,) = status["calls"]
    assert call["call"] == "a"
    assert call["turns"][0]["total_s"] == pytest.approx(0.7)


def test_how_many_calls_are_on_is_told_of_how_many(shared: Board) -> None:
    calls = [2]
    with serve(admin_app(shared, max_calls=7, calls_on=lambda: calls[0])) as url:
        before = status_of(url)["load"]
        calls[0] = 3
        after = status_of(url)["load"]
        measured = sample(url, "parley_calls_on"), sample(url, "parley_calls_limit")

    assert before == {"calls": 2, "max_calls": 7}
    assert after == {"calls": 3, "max_calls": 7}
    assert measured == (3, 7)


# Readiness.


def test_each_service_is_told_as_it_is(shared: Board) -> None:
    statuses: dict[str, int | None] = {"stt": 200, "tts": 503, "llm": None, "ws-llm": 404}
    with stack(statuses) as services, serve(admin_app(shared, stack=services)) as url:

        def told() -> dict[str, str]:
            return {each["name"]: each["readiness"] for each in status_of(url)["services"]}

        expected = {"STT": "ready", "TTS": "not_ready", "LLM": "away", "ws-llm": "unknown"}
        wait_until(lambda: told() == expected, 5.0, "all are looked at")
        why = {each["name"]: each["why"] for each in status_of(url)["services"]}

    assert why["LLM"] == "It did not answer within 1 s."
    assert why["ws-llm"] == "It answers, but not whether it is ready (404)."
    assert why["STT"] == ""


def test_a_service_that_comes_back_is_told(shared: Board) -> None:
    statuses: dict[str, int | None] = dict.fromkeys(("stt", "tts", "llm", "ws-llm"), 503)
    with stack(statuses) as services, serve(admin_app(shared, stack=services)) as url:

        def stt() -> str:
            return str(status_of(url)["services"][0]["readiness"])

        wait_until(lambda: stt() == "not_ready", 5.0, "it is away")
        statuses["stt"] = 200
        wait_until(lambda: stt() == "ready", 5.0, "it is back")


def test_a_service_that_no_call_needs_is_told_so(shared: Board) -> None:
    with serve(admin_app(shared, chain="gemini")) as url:
        used = {each["name"]: each["used"] for each in status_of(url)["services"]}

    assert used == {"STT": True, "TTS": True, "LLM": False, "ws-llm": False}


# Live updates.


def snapshots(response: httpx2.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line:
            yield json.loads(line.removeprefix("data: "))


def test_a_change_is_told_to_a_page_that_is_open(shared: Board) -> None:
    with (
        serve(admin_app(shared)) as url,
        httpx2.stream("GET", f"{url}/admin/events", timeout=10) as response,
    ):
        coming = snapshots(response)
        before = next(coming)
        shared.add_turn(turn(1.0, llm=0.3))
        after = next(snapshot for snapshot in coming if snapshot["calls"])

    assert response.headers["content-type"].startswith("text/event-stream")
    assert before["calls"] == []
    assert after["now"] > before["now"]


def test_a_call_that_begins_is_told_to_a_page_that_is_open(shared: Board) -> None:
    calls = [0]
    with (
        serve(admin_app(shared, calls_on=lambda: calls[0])) as url,
        httpx2.stream("GET", f"{url}/admin/events", timeout=10) as response,
    ):
        coming = snapshots(response)
        next(coming)
        calls[0] = 1
        assert next(snapshot for snapshot in coming if snapshot["load"]["calls"] == 1)


def test_an_open_page_does_not_hold_up_the_end(shared: Board) -> None:
    with httpx2.Client(timeout=10) as client:
        with serve(admin_app(shared)) as url:
            response = client.send(client.build_request("GET", f"{url}/admin/events"), stream=True)
            coming = snapshots(response)
            next(coming)
        rest = list(coming)  # `serve` fails when the server does not end in time

    assert all("error" not in snapshot for snapshot in rest)


def test_more_pages_than_allowed_are_refused(shared: Board) -> None:
    with (
        serve(admin_app(shared, max_pages=1)) as url,
        httpx2.stream("GET", f"{url}/admin/events", timeout=10) as first,
    ):
        coming = snapshots(first)
        next(coming)
        refused = httpx2.get(f"{url}/admin/events")

    assert refused.status_code == 503
    assert refused.headers["retry-after"]


# Access.


@pytest.mark.parametrize("path", ["/status", "/events", "/metrics"])
def test_data_needs_a_key(shared: Board, path: str) -> None:
    with serve(admin_app(shared, api_keys="right")) as url:
        for headers in ({}, {"authorization": "Bearer wrong"}):
            response = httpx2.get(f"{url}/admin{path}", headers=headers)
            assert response.status_code == 401
            assert error_of(response)["code"] == "invalid_api_key"


@pytest.mark.parametrize("path", [*PAGE, "/style.css"])
def test_the_pages_files_need_none_and_can_load_nothing_from_elsewhere(
    shared: Board, path: str
) -> None:
    with serve(admin_app(shared, api_keys="right")) as url:
        response = httpx2.get(f"{url}/admin{path}")

    assert response.status_code == 200
    assert response.headers["content-security-policy"].startswith("default-src 'none';")
    assert "://" not in response.text.replace("http://www.w3.org/2000/svg", "")


def test_the_page_is_found_without_its_slash(shared: Board) -> None:
    with serve(admin_app(shared, api_keys="right")) as url:
        response = httpx2.get(f"{url}/admin", follow_redirects=True)

    assert str(response.url) == f"{url}/admin/"
    assert "Voice agent" in response.text


# A board that broke.


def test_a_board_that_cannot_be_read_is_told(shared: Board) -> None:
    with stack(dict.fromkeys(("stt", "tts", "llm", "ws-llm"), 200)) as services:
        app = admin_app(shared, stack=services)
        with serve(app) as url:
            shared.close()
            status = status_of(url)
            metrics = httpx2.get(f"{url}/admin/metrics").text

    assert "closed" in status["board"]
    assert "current" not in status
    assert len(status["services"]) == 4
    assert "parley_board_ok 0.0" in metrics


# Metrics.


def sample(url: str, name: str) -> float:
    text = httpx2.get(f"{url}/admin/metrics").text
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])


def test_metrics_tell_breakers_failures_and_answers(shared: Board) -> None:
    fail(shared, "gemini", "rate_limited", 3)
    fail(shared, "qwen", "cut", 1)
    shared.add_served("qwen", 0.2)
    with serve(admin_app(shared)) as url:
        assert sample(url, 'parley_llm_available{member="gemini"}') == 0
        assert sample(url, 'parley_llm_available{member="qwen"}') == 1
        assert sample(url, 'parley_llm_consecutive_failures{member="qwen"}') == 1
        assert sample(url, 'parley_llm_failures_total{kind="rate_limited",member="gemini"}') == 3
        assert sample(url, 'parley_llm_answers_total{member="qwen"}') == 1
        assert sample(url, 'parley_llm_breaker_changes_total{member="gemini"}') == 1
        assert sample(url, "parley_board_ok") == 1


def test_each_turn_is_counted_once_however_often_it_is_scraped(shared: Board) -> None:
    count = 'parley_turn_stage_seconds_count{stage="llm"}'
    with serve(admin_app(shared)) as url:
        shared.add_turn(turn(1.0, llm=0.3))
        assert [sample(url, count), sample(url, count)] == [1, 1]
        shared.add_turn(turn(2.0, member="", llm=0.5))
        assert sample(url, count) == 2
        assert sample(url, 'parley_turns_total{member="nobody"}') == 1
        assert sample(url, 'parley_turn_stage_seconds_sum{stage="llm"}') == pytest.approx(0.8)


def test_what_callers_were_told_in_place_of_an_answer_is_counted(shared: Board) -> None:
    with serve(admin_app(shared)) as url:
        before = sample(url, 'parley_excuses_total{kind="sorry"}')
        shared.add_excuse("sorry")
        shared.add_excuse("cut_off")
        told = [sample(url, f'parley_excuses_total{{kind="{kind}"}}') for kind in EXCUSES]

    assert before == 0
    assert dict(zip(EXCUSES, told, strict=True)) == {
        "waiting": 0, "sorry": 1, "cut_off": 1, "not_hearing": 0
    }  # fmt: skip


def test_nobody_is_where_the_tests_think() -> None:
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(NOBODY)
