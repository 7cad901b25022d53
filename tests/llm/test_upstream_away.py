"""`LLM_ENGINE=proxy` while its upstream is away: not ready, says what it waits for, comes back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from parley_kit.health import State
from parley_llm.app import create_app
from parley_llm.settings import LlmSettings
from tests.llm.upstreams import WHOLE, Exchange, FakeServer, upstream
from tests.serving import error_of, serve, wait_until

CHAT = "/llm/v1/chat/completions"
QUESTION = {"model": "org/model", "messages": [{"role": "user", "content": "hello"}]}


def whole(exchange: Exchange) -> None:
    exchange.reply(200, WHOLE)


@contextmanager
def proxy(url: str, **changes: Any) -> Iterator[httpx2.Client]:
    settings = LlmSettings(engine="proxy", upstream_url=url, allow_anonymous=True, **changes)
    serving = serve(create_app(settings), wait_for_ready=False)
    with serving as ours, httpx2.Client(base_url=ours, timeout=10) as client:
        yield client


def ready(client: httpx2.Client) -> bool:
    return client.get("/readyz").status_code == 200


def state(client: httpx2.Client) -> str:
    status: dict[str, str] = client.get("/status").json()
    return status["upstream_state"]


def gone() -> str:
    """The URL of a server that was there."""
    with upstream(whole) as server:
        return server.url


def hang_up(server: FakeServer) -> None:
    server.shutdown()
    server.server_close()


def test_a_start_without_an_upstream_says_what_it_waits_for() -> None:
    url = gone()
    with proxy(url) as client:
        wait_until(lambda: state(client) == "upstream_unreachable", 5, "it looked")
        refused = [error_of(client.get("/readyz")), error_of(client.post(CHAT, json=QUESTION))]
        status = client.get("/status").json()

    for error in refused:
        assert error["code"] == "not_ready"
        assert "waits for the server of LLM_UPSTREAM_URL" in error["message"]
    assert status["upstream"] == url


def test_a_start_names_the_upstream_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    url = gone()
    with caplog.at_level("WARNING", "parley.upstream"), proxy(url) as client:
        wait_until(lambda: state(client) == "upstream_unreachable", 5, "it looked")

    told = [getattr(record, "data", {}) for record in caplog.records]
    assert url in [data.get("upstream") for data in told]


def test_an_upstream_that_starts_later_is_waited_for() -> None:
    url = gone()
    with proxy(url) as client:
        wait_until(lambda: state(client) == "upstream_unreachable", 5, "it looked")
        with upstream(whole, port=int(url.rsplit(":", 1)[1].partition("/")[0])):
            wait_until(lambda: ready(client), 10, "it is ready")
            assert client.post(CHAT, json=QUESTION).content == WHOLE


def test_an_upstream_that_dies_while_nobody_asks_makes_the_service_unready() -> None:
    with upstream(whole) as server, proxy(server.url, probe_interval_s=0.05) as client:
        wait_until(lambda: ready(client), 5, "it is ready")
        hang_up(server)
        wait_until(lambda: not ready(client), 10, "it is told")
        status = client.get("/status").json()
        with upstream(whole, port=server.port):
            wait_until(lambda: ready(client), 10, "it is back")

    assert status["state"] == State.UNAVAILABLE


def test_a_question_is_tried_in_any_case_and_brings_the_service_back_at_once() -> None:
    with upstream(whole) as server, proxy(server.url, probe_interval_s=60) as client:
        wait_until(lambda: ready(client), 5, "it is ready")
        hang_up(server)
        codes = [error_of(client.post(CHAT, json=QUESTION))["code"] for _ in range(2)]
        away = not ready(client)
        with upstream(whole, port=server.port):
            answer = client.post(CHAT, json=QUESTION)
            back = ready(client)

    assert codes == ["upstream_unreachable"] * 2
    assert (away, answer.content, back) == (True, WHOLE, True)


def test_a_gateway_that_answers_for_a_dead_upstream_does_not_pass_for_it() -> None:
    with upstream(whole) as server, proxy(server.url, probe_interval_s=0.05) as client:
        wait_until(lambda: ready(client), 5, "it is ready")
        server.models = (502, b"<html>bad gateway</html>")
        wait_until(lambda: not ready(client), 10, "it is told")


@pytest.mark.parametrize("status", [404, 405])
def test_an_upstream_that_lists_no_models_is_there_all_the_same(status: int) -> None:
    with upstream(whole) as server:
        server.models = (status, b"{}")
        with proxy(server.url) as client:
            wait_until(lambda: ready(client), 5, "it is ready")


def test_an_upstream_that_refuses_the_key_is_not_waited_for() -> None:
    with upstream(whole) as server:
        server.models = (401, b"{}")
        with proxy(server.url) as client:
            wait_until(lambda: client.get("/status").json()["state"] == "failed", 5, "it gave up")
            reason = client.get("/status").json()["reason"]

    assert "LLM_UPSTREAM_API_KEY" in reason
