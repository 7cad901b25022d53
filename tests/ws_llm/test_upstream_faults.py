"""A language model that fails: one error, in words of our own, and the socket goes on."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from parley_kit.health import State
from tests.serving import serve, wait_until
from tests.ws_llm.talking import assistant, language_model, talk
from tests.ws_llm.upstreams import Behaviour, Exchange, Upstream, says, upstream

pytestmark = pytest.mark.anyio

SECRET = "pod-7 in cluster blue quotes the caller"


def refuses(status: int) -> Behaviour:
    body = json.dumps({"error": {"message": SECRET}}).encode()
    return lambda exchange: exchange.reply(status, body)


def cut_after_a_word(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("Well")


def cut_inside_a_chunk(exchange: Exchange) -> None:
    exchange.wfile.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        b"transfer-encoding: chunked\r\n\r\n40\r\ndata: {"
    )


def an_error_in_the_stream(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("Well")
    exchange.event({"error": {"message": SECRET}})


def events_that_are_not_json(exchange: Exchange) -> None:
    exchange.begin()
    exchange.wfile.write(b"data: {oops\n\n")


def events_of_another_shape(exchange: Exchange) -> None:
    exchange.begin()
    exchange.event([SECRET])
    exchange.event({"choices": [SECRET]})
    exchange.event({"choices": SECRET})


def nothing_said(exchange: Exchange) -> None:
    exchange.begin()
    exchange.stop()


def silence(exchange: Exchange) -> None:
    exchange.wait_for_hang_up()


def stalls_after_a_word(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("Well")
    exchange.wait_for_hang_up()


@pytest.fixture
def faulty() -> Iterator[Upstream]:
    with upstream(says("Yes")) as server:
        yield server


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (refuses(400), "upstream_refused"),
        (refuses(401), "upstream_refused"),
        (refuses(429), "upstream_busy"),
        (refuses(500), "upstream_refused"),
        (refuses(503), "upstream_busy"),
        (lambda e: e.reply(200, b"<html>", "text/html"), "upstream_cut"),
        (lambda e: e.reply(302, b""), "upstream_refused"),
        (cut_after_a_word, "upstream_cut"),
        (cut_inside_a_chunk, "upstream_unreachable"),
        (an_error_in_the_stream, "upstream_faulty"),
        (events_that_are_not_json, "upstream_faulty"),
        (events_of_another_shape, "upstream_faulty"),
        (nothing_said, "upstream_empty"),
        (silence, "upstream_timeout"),
        (stalls_after_a_word, "upstream_timeout"),
    ],
)
async def test_a_fault_is_one_error_that_leaves_nothing_behind(
    faulty: Upstream, behave: Behaviour, code: str
) -> None:
    with serve(assistant(faulty.url, first_token_timeout_s=0.3, stall_timeout_s=0.3)) as url:
        async with talk(url) as client:
            faulty.behave = behave
            failed = await client.ask("one", id="a")
            faulty.behave = says("Yes")
            plain = await client.ask("two")

    assert failed["type"] == "error", failed
    assert (failed["type"], failed["code"], failed["id"]) == ("error", code, "a")
    assert failed["message"].startswith("LLM API error: ")
    assert SECRET not in failed["message"]
    assert plain == {"type": "complete", "content": "Yes"}
    assert faulty.contexts[-1] == ["two"]


async def test_a_plain_client_reads_an_error_of_the_original_shape(faulty: Upstream) -> None:
    faulty.behave = refuses(500)
    with serve(assistant(faulty.url)) as url:
        async with talk(url) as client:
            failed = await client.ask("one")

    assert set(failed) == {"type", "message"}


async def test_a_turn_has_a_deadline(faulty: Upstream) -> None:
    faulty.behave = stalls_after_a_word
    with serve(assistant(faulty.url, request_timeout_s=0.3)) as url:
        async with talk(url) as client:
            failed = await client.ask("one", id="a")

    assert failed["code"] == "deadline_exceeded"
    assert faulty.hung_up.wait(1)


async def test_an_upstream_that_goes_away_is_an_error_until_it_is_back() -> None:
    llm = language_model()
    with serve(llm) as upstream_url:
        app = assistant(upstream_url)
        port = int(upstream_url.rpartition(":")[2])
        serving = serve(app)
        url = serving.__enter__()
    try:
        async with talk(url) as client:
            assert (await client.ask("hello", id="a"))["code"] == "upstream_unreachable"
            with serve(language_model(), port=port):
                assert (await client.ask("hello"))["type"] == "complete"
    finally:
        serving.__exit__(None, None, None)


async def test_the_service_is_not_ready_while_its_upstream_is_away() -> None:
    with serve(language_model()) as upstream_url:
        app = assistant(upstream_url, probe_interval_s=0.05)
        port = int(upstream_url.rpartition(":")[2])
        serving = serve(app)
        url = serving.__enter__()
    try:
        await asyncio.to_thread(wait_until, lambda: _ready(url) == 503, 10, "it is told")
        state = _status(url)["state"]
        with serve(language_model(), port=port):
            await asyncio.to_thread(wait_until, lambda: _ready(url) == 200, 10, "it is back")
    finally:
        serving.__exit__(None, None, None)

    assert state == "unavailable"


async def test_an_answer_brings_the_service_back_at_once() -> None:
    with serve(language_model()) as upstream_url:
        app = assistant(upstream_url, probe_interval_s=60)
        port = int(upstream_url.rpartition(":")[2])
        serving = serve(app)
        url = serving.__enter__()
    try:
        async with talk(url) as client:
            await client.ask("hello")
            await client.ask("hello")
            away = _ready(url)
            with serve(language_model(), port=port):
                assert (await client.ask("hello"))["type"] == "complete"
                back = _ready(url)
    finally:
        serving.__exit__(None, None, None)

    assert (away, back) == (503, 200)


async def test_the_service_waits_for_an_upstream_that_starts_later() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    app = assistant(f"http://127.0.0.1:{port}")
    with serve(app, wait_for_ready=False) as url:
        async with talk(url) as client:
            early = await client.ask("hello", id="a")
            wait_until(lambda: "unreachable" in _status(url)["upstream_state"], 5, "it is told")
            with serve(language_model(), port=port):
                wait_until(lambda: app.health.state is State.READY, 10, "the service is ready")
                late = await client.ask("hello")

    assert early["code"] == "not_ready"
    assert late["type"] == "complete"


@pytest.mark.parametrize(
    ("key", "sent"), [("secret", "Bearer secret"), ("new, old", "Bearer new"), ("", "Bearer k")]
)
async def test_the_upstreams_key_and_the_request_id_go_with_every_request(
    faulty: Upstream, key: str, sent: str | None
) -> None:
    with serve(assistant(faulty.url, openai_api_key=key, api_keys="k")) as url:
        async with talk(url, additional_headers={"authorization": "Bearer k"}) as client:
            await client.ask("one")

    assert {headers.get("authorization") for headers in faulty.headers} == {sent}
    assert faulty.headers[-1]["x-request-id"].startswith("req")


async def test_a_key_that_is_replaced_in_the_file_of_keys_is_sent_without_a_restart(
    faulty: Upstream, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    file.write_text("old\n")

    def sent() -> set[str]:
        return {headers["authorization"] for headers in faulty.headers}

    with serve(assistant(faulty.url, api_keys="", api_keys_file=file, probe_interval_s=0.05)):
        wait_until(lambda: sent() == {"Bearer old"}, 10, "it looks with the first key")
        file.write_text("new\nold\n")
        wait_until(lambda: "Bearer new" in sent(), 10, "and with the new one")


@pytest.mark.parametrize(("key", "sent"), [("", None), ("theirs", "Bearer theirs")])
async def test_the_keys_of_the_stack_are_sent_to_nobody_else(
    faulty: Upstream, key: str, sent: str | None
) -> None:
    elsewhere = f"{faulty.url}/llm/v1"
    with serve(assistant("", llm_base_url=elsewhere, api_keys="ours", openai_api_key=key)):
        wait_until(lambda: len(faulty.headers) > 0, 10, "it looks")

    assert {headers.get("authorization") for headers in faulty.headers} == {sent}


async def test_status_tells_the_upstream_but_not_how_to_log_in_there(faulty: Upstream) -> None:
    address = faulty.url.replace("http://", "http://user:password@")
    with serve(assistant(address)) as url:
        status = _status(url)

    assert status["upstream"] == f"{faulty.url}/llm/v1"
    assert status["upstream_state"] == "answering"
    assert status["model_listed"] is True


@pytest.mark.parametrize("status", [404, 405])
async def test_an_upstream_that_lists_no_models_is_there_all_the_same(
    faulty: Upstream, status: int
) -> None:
    faulty.models = (status, b"{}")
    with serve(assistant(faulty.url)) as url:
        async with talk(url) as client:
            assert (await client.ask("one"))["content"] == "Yes"


@pytest.mark.parametrize("status", [401, 500, 502])
async def test_an_upstream_that_refuses_to_list_its_models_is_waited_for(
    faulty: Upstream, status: int
) -> None:
    faulty.models = (status, b"<html>")
    with serve(assistant(faulty.url), wait_for_ready=False) as url:
        await asyncio.to_thread(
            wait_until, lambda: _status(url)["upstream_state"] != "starting", 5, "it looked"
        )
        waiting = httpx2.get(f"{url}/readyz")
        faulty.models = (200, b'{"data":[]}')
        await asyncio.to_thread(wait_until, lambda: _ready(url) == 200, 10, "it is ready")

    assert waiting.status_code == 503
    assert "waits for the language model of OPENAI_BASE_URL" in waiting.text


def _ready(url: str) -> int:
    return httpx2.get(f"{url}/readyz").status_code


def _status(url: str) -> dict[str, Any]:
    body: dict[str, Any] = httpx2.get(f"{url}/status").json()
    return body
