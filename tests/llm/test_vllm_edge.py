"""The edge inside vLLM's server, around an application that is built like vLLM's."""

import io
import json
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPResponse
from select import select
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from parley_llm.vllm.logs import Discreet
from tests.llm.fake_vllm import (
    EVENTS,
    OPEN_IN_VLLM,
    FakeVllm,
    Tokens,
    counters,
    never,
    served,
    stream,
    whole,
)
from tests.llm.spellings import HEADERS, PATHS, status_of_spelling
from tests.serving import error_of, wait_until

KEY = {"authorization": "Bearer k1"}
CHAT = "/llm/v1/chat/completions"
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


@dataclass(slots=True)
class Edge:
    """A server, a client of it with a key, and the application inside."""

    url: str
    client: httpx2.Client
    vllm: FakeVllm

    def ask(self, **fields: Any) -> httpx2.Response:
        return self.client.post(CHAT, json={**QUESTION, **fields})

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.client.get("/readyz").status_code == 200, 10, "it is ready")


@pytest.fixture(scope="module")
def shared_edge() -> Iterator[Edge]:
    environment = {
        "LLM_MAX_CONCURRENCY": "2", "LLM_MAX_QUEUE": "3", "LLM_MAX_BODY_BYTES": "10000",
        "LLM_MAX_MESSAGES": "5", "LLM_LOG_LEVEL": "debug",
    }  # fmt: skip
    vllm = FakeVllm()
    with (
        pytest.MonkeyPatch.context() as patch,
        served(vllm, patch, **environment) as url,
        httpx2.Client(base_url=url, headers=KEY, timeout=10) as client,
    ):
        edge = Edge(url, client, vllm)
        edge.wait_until_ready()
        yield edge


@pytest.fixture
def edge(shared_edge: Edge) -> Edge:
    vllm = shared_edge.vllm
    vllm.behave = whole
    vllm.asked.clear()
    vllm.reached.clear()
    vllm.begun = vllm.aborted = 0
    return shared_edge


@pytest.mark.parametrize("prefix", ["", "/llm"])
def test_it_serves_below_the_prefix_and_without(edge: Edge, prefix: str) -> None:
    response = edge.client.post(f"{prefix}/v1/chat/completions", json=QUESTION)

    assert response.json() == {"object": "chat.completion", "theirs": 1}
    assert response.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("path", [*OPEN_IN_VLLM, "/v1/messages", "/docs", "/openapi.json", "/"])
@pytest.mark.parametrize("prefix", ["", "/llm"])
def test_what_vllm_leaves_open_is_not_reachable_even_with_a_key(
    edge: Edge, prefix: str, path: str
) -> None:
    for method in ("GET", "POST"):
        response = edge.client.request(method, f"{prefix}{path}")
        assert response.status_code == 404
        assert error_of(response)["code"] == "unknown_url"

    assert edge.vllm.reached == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", HEADERS)
def test_no_spelling_of_a_path_gets_past_the_key(edge: Edge, path: str, header: str) -> None:
    status = status_of_spelling(edge.url, path, header)

    assert status in (400, 401)
    assert edge.vllm.begun == 0


def test_health_is_open_and_the_rest_is_not(edge: Edge) -> None:
    for path in ("/livez", "/readyz", "/llm/livez", "/llm/readyz"):
        assert httpx2.get(edge.url + path).status_code == 200
    for path in ("/status", "/metrics", "/v1/models", "/health"):
        assert error_of(httpx2.get(edge.url + path))["code"] == "invalid_api_key"


def test_models_can_be_listed_and_looked_up(edge: Edge) -> None:
    listed = edge.client.get("/llm/v1/models").json()["data"]
    one = edge.client.get("/llm/v1/models/Qwen%2FQwen2.5-7B-Instruct").json()
    unknown = edge.client.get("/llm/v1/models/other")

    assert [model["id"] for model in listed] == ["qwen2-5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct"]
    assert one == listed[1]
    assert one["max_model_len"] == 8192
    assert error_of(unknown)["code"] == "model_not_found"


def test_a_stream_passes_untouched(edge: Edge) -> None:
    edge.vllm.behave = stream

    assert edge.ask(stream=True).content == b"".join([*EVENTS, b"data: [DONE]\n\n"])


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 5}, "n"),
        ({"n": "5000"}, "n"),
        ({"n": 1.5}, "n"),
        ({"best_of": 99}, "best_of"),
        ({"prompt": ["a"] * 5}, "prompt"),
        ({"messages": [{}] * 6}, "messages"),
    ],
)
def test_what_multiplies_is_capped(edge: Edge, fields: dict[str, Any], param: str) -> None:
    response = edge.ask(**fields)

    assert response.status_code == 400
    assert error_of(response)["param"] == param
    assert edge.vllm.begun == 0


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_over_the_limit_is_413(edge: Edge, chunked: bool) -> None:
    body = b'{"x":"' + b"y" * 20_000 + b'"}'
    response = edge.client.post(CHAT, content=iter([body]) if chunked else body)

    assert response.status_code == 413
    error_of(response)
    assert edge.vllm.begun == 0


def test_developers_are_called_system(edge: Edge) -> None:
    edge.ask(messages=[{"role": "developer", "content": "be kind"}])

    assert edge.vllm.asked[0]["messages"] == [{"role": "system", "content": "be kind"}]


def replies(status: int, body: object, **headers: str) -> Any:
    async def behave(request: dict[str, Any]) -> Response:
        if isinstance(body, str):
            return PlainTextResponse(body, status, headers)
        return JSONResponse(body, status, headers)

    return behave


def vllm_error(kind: str, code: int, param: str | None = None) -> dict[str, object]:
    return {"error": {"message": "their words", "type": kind, "param": param, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, vllm_error("BadRequestError", 400, "temperature"),
         (400, "their words", "temperature", None)),
        (400, vllm_error("Bad Request", 400, "body.messages"),
         (400, "Invalid value for 'messages'.", "messages", None)),
        (404, vllm_error("NotFoundError", 404, "model"),
         (404, "their words", "model", "model_not_found")),
        (503, vllm_error("Service Unavailable", 503), (503, None, None, "overloaded")),
        (500, vllm_error("InternalServerError", 500), (500, None, None, "internal_error")),
        (500, "canary 0x7f3a", (500, None, None, "internal_error")),
        (422, {"detail": [{"input": "canary"}]}, (400, None, None, None)),
        (401, {"error": "Unauthorized"}, (502, None, None, "upstream_failed")),
    ],
)  # fmt: skip
def test_errors_of_vllm_have_the_envelope(
    edge: Edge, status: int, body: object, expected: tuple[int, str | None, str | None, str | None]
) -> None:
    edge.vllm.behave = replies(status, body)
    response = edge.ask()
    error = error_of(response)

    assert response.status_code == expected[0]
    assert (error["param"], error["code"]) == expected[2:]
    assert error["message"] == expected[1] or expected[1] is None
    assert "canary" not in response.text
    assert ("retry-after" in response.headers) == (status == 503)


def test_an_application_that_raises_is_a_500(edge: Edge) -> None:
    async def behave(body: dict[str, Any]) -> Response:
        raise KeyError("canary")

    edge.vllm.behave = behave

    assert error_of(edge.ask())["code"] == "internal_error"


def asked(edge: Edge) -> socket.socket:
    """A connection on which a question has been sent, and nothing been read."""
    host, port = edge.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    body = json.dumps(QUESTION)
    connection.sendall(
        f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k2\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
    )
    return connection


def response_on(connection: socket.socket) -> HTTPResponse:
    response = HTTPResponse(connection)
    response.begin()
    return response


def test_never_more_than_the_limit_gets_in_however_sudden_the_burst(edge: Edge) -> None:
    """Who got in is not answered, and stays until the test lets go."""
    edge.vllm.behave = never
    with ExitStack() as callers:
        burst = [callers.enter_context(asked(edge)) for _ in range(40)]
        wait_until(lambda: len(select(burst, [], [], 0)[0]) == 35, 30, "the others are refused")
        refused, _, _ = select(burst, [], [], 0)
        responses = [response_on(connection) for connection in refused]

        assert {response.status for response in responses} == {503}
        assert all(int(response.headers["retry-after"]) >= 1 for response in responses)
        wait_until(lambda: edge.vllm.begun == 5, 5, "vLLM works for all who got in")
    wait_until(lambda: edge.vllm.aborted == 5, 5, "those who gave up are aborted")


@pytest.mark.parametrize("streamed", [True, False])
def test_a_caller_who_hangs_up_aborts_the_work(edge: Edge, streamed: bool) -> None:
    edge.vllm.behave = edge.vllm.endless if streamed else never
    with asked(edge) as connection:
        wait_until(lambda: edge.vllm.begun == 1, 5, "vLLM works on it")
        if streamed:
            assert connection.recv(1)
    wait_until(lambda: edge.vllm.aborted == 1, 1, "vLLM is told")
    wait_until(lambda: edge.client.get("/status").json()["in_flight"] == 0, 1, "the place is free")


@pytest.mark.parametrize("streamed", [True, False])
def test_a_deadline_ends_the_work_and_says_so(edge: Edge, streamed: bool) -> None:
    edge.vllm.behave = edge.vllm.endless if streamed else never
    response = edge.client.post(CHAT, json=QUESTION, headers={"x-request-timeout": "0.2"})

    if streamed:
        last = response.content.split(b"\n\n")[-2]
        assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "deadline_exceeded"
    else:
        assert response.status_code == 504
    wait_until(lambda: edge.vllm.aborted == 1, 1, "vLLM is told")


def test_metrics_are_vllms_and_the_edges(edge: Edge) -> None:
    with counters() as tokens:
        tokens.written.labels("0").inc(7)
        text = edge.client.get("/metrics").text

    assert 'vllm:generation_tokens_total{engine="0"} 7.0' in text
    assert 'parley_requests_total{route="/v1/chat/completions",status="200"}' in text


def test_a_websocket_is_refused(edge: Edge) -> None:
    response = edge.client.get(
        "/v1/realtime",
        headers={
            "connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
    )  # fmt: skip

    assert response.status_code == 404
    assert error_of(response)["code"] == "unknown_url"


def test_nothing_of_a_conversation_is_logged(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    canary = [{"role": "user", "content": "canary-spoken"}]
    with caplog.at_level(logging.DEBUG):
        for behave in (whole, stream, replies(500, "canary-reply"), never):
            edge.vllm.behave = behave
            edge.client.post(
                f"{CHAT}?canary-query=1", json={"messages": canary, "model": "canary-model"},
                headers={"x-request-timeout": "0.2"},
            )  # fmt: skip
        edge.client.get("/llm/canary-path")

    said = [r.getMessage() for r in caplog.records if not r.name.startswith("http")]
    assert "POST /v1/chat/completions 200" in said
    assert not any("canary" in line for line in said)


def test_of_what_vllm_warns_of_requests_only_the_place_is_logged(edge: Edge) -> None:
    written = io.StringIO()
    mine = logging.StreamHandler(written)
    mine.addFilter(Discreet())
    logger = logging.getLogger("vllm.entrypoints.openai.serving")
    logger.addHandler(mine)
    try:
        logger.error("Error with model %s", "canary")
        raise ValueError("canary")
    except ValueError:
        logger.exception("canary")
    finally:
        logger.removeHandler(mine)

    assert "warned at test_vllm_edge.py" in written.getvalue()
    assert "builtins.ValueError at test_vllm_edge.py" in written.getvalue()
    assert "canary" not in written.getvalue()


def test_it_is_ready_when_a_first_inference_has_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    vllm = FakeVllm()
    vllm.warm_status = 500
    with served(vllm, monkeypatch) as url, httpx2.Client(base_url=url, headers=KEY) as client:
        wait_until(lambda: client.get("/readyz").status_code == 503, 5, "it is not ready")
        refused = client.post(CHAT, json=QUESTION)
        vllm.warm_status = 200
        wait_until(lambda: client.get("/readyz").status_code == 200, 5, "it is ready")

    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    assert vllm.begun == 0


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    with counters() as tokens:
        tokens.read.labels("0")
        tokens.written.labels("0")
        yield tokens


def test_an_engine_whose_tokens_stop_is_not_ready_until_they_move(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    vllm = FakeVllm()
    with (
        served(vllm, monkeypatch, LLM_STALL_AFTER_S="1.5") as url,
        httpx2.Client(base_url=url, headers=KEY, timeout=30) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        edge = Edge(url, client, vllm)
        edge.wait_until_ready()
        vllm.behave = never
        brief = {"x-request-timeout": "3"}
        hanging = pool.submit(client.post, CHAT, json=QUESTION, headers=brief)
        wait_until(lambda: client.get("/readyz").status_code == 503, 10, "the stall is noticed")
        assert "parley_ready 0.0" in client.get("/metrics").text
        vllm.behave = whole
        refused = edge.ask()
        assert hanging.result().status_code == 504
        assert client.get("/readyz").status_code == 503, "callers who gave up prove nothing"
        tokens.written.labels("0").inc()
        edge.wait_until_ready()

    assert "stalled" in str(error_of(refused)["message"])
