"""Who is let in, how much they may ask, and what closes a socket."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidStatus,
)

from parley_kit.app import Service
from parley_kit.server import config
from tests import serving
from tests.serving import serve, wait_until
from tests.ws_llm.talking import Client, assistant, language_model, talk
from tests.ws_llm.upstreams import Exchange, upstream

pytestmark = pytest.mark.anyio

KEY = "k-correct"


@pytest.fixture(scope="module")
def llm() -> Iterator[str]:
    with serve(language_model()) as url:
        yield url


@pytest.fixture(scope="module")
def slow() -> Iterator[str]:
    with serve(language_model(scripted_tokens_per_s=20)) as url:
        yield url


@pytest.fixture(scope="module")
def service(llm: str) -> Iterator[str]:
    with serve(assistant(llm)) as url:
        yield url


@pytest.fixture(scope="module")
def locked(llm: str) -> Iterator[str]:
    with serve(assistant(llm, api_keys=KEY, auth_timeout_s=0.5)) as url:
        yield url


async def refused(url: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """Status and error of a handshake that fails."""
    with pytest.raises(InvalidStatus) as caught:
        async with talk(url, **options):
            pass
    response = caught.value.response
    assert response.headers["x-request-id"]
    return response.status_code, json.loads(response.body)["error"]


async def closed(client: Client) -> int:
    """The code with which the server closes."""
    with pytest.raises((ConnectionClosedError, ConnectionClosedOK)) as caught:
        await client.receive()
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code


async def test_a_key_in_the_header(locked: str) -> None:
    async with talk(locked, additional_headers={"authorization": f"Bearer {KEY}"}) as client:
        assert (await client.ask("hello"))["type"] == "complete"


async def test_a_key_in_a_subprotocol(locked: str) -> None:
    async with talk(locked, subprotocols=["parley", f"parley-key.{KEY}"]) as client:
        assert client.socket.subprotocol == "parley"
        assert (await client.ask("hello"))["type"] == "complete"


async def test_a_key_in_the_first_message(locked: str) -> None:
    async with talk(locked) as client:
        await client.send({"type": "auth", "token": KEY})

        assert await client.receive() == {"type": "auth_ok"}
        assert (await client.ask("hello"))["type"] == "complete"


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {"authorization": "Bearer wrong"}},
        {"additional_headers": {"authorization": f"Basic {KEY}"}},
        {"subprotocols": ["parley", "parley-key.wrong"]},
    ],
)
async def test_a_wrong_key_is_refused_before_the_handshake(
    locked: str, options: dict[str, Any]
) -> None:
    status, error = await refused(locked, **options)

    assert (status, error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    "first",
    [
        {"type": "auth", "token": "wrong"},
        {"type": "chat", "messages": [{"role": "user", "content": "hello"}]},
        {"type": "ping"},
        "not json",
    ],
)
async def test_a_first_message_without_the_key_closes(locked: str, first: object) -> None:
    async with talk(locked) as client:
        await client.send(first)

        assert (await client.receive())["code"] == "invalid_api_key"
        assert await closed(client) == 4401


async def test_a_key_that_comes_too_late_closes(locked: str) -> None:
    async with talk(locked) as client:
        assert (await client.receive())["type"] == "error"
        assert await closed(client) == 4401


async def test_a_wrong_key_later_on_closes_too(locked: str) -> None:
    async with talk(locked, additional_headers={"authorization": f"Bearer {KEY}"}) as client:
        await client.send({"type": "auth", "token": "wrong"})

        assert (await client.receive())["type"] == "error"
        assert await closed(client) == 4401


async def test_an_open_service_takes_any_key(service: str) -> None:
    async with talk(service) as client:
        await client.send({"type": "auth", "token": "anything"})

        assert await client.receive() == {"type": "auth_ok"}


async def test_a_page_of_another_site_is_refused(service: str) -> None:
    status, error = await refused(service, origin="https://evil.example")

    assert (status, error["code"]) == (403, "origin_not_allowed")


async def test_the_services_own_page_is_not(service: str) -> None:
    async with talk(service, origin=service) as client:
        assert (await client.ask("hello"))["type"] == "complete"


async def test_listed_origins_may_connect(llm: str) -> None:
    with serve(assistant(llm, allowed_origins="https://a.example, https://b.example/")) as url:
        async with talk(url, origin="https://b.example") as client:
            assert (await client.ask("hello"))["type"] == "complete"
        assert (await refused(url, origin=url))[0] == 403


@pytest.mark.parametrize("message", ["x" * 2_000, "é" * 600, b"x" * 2_000])
async def test_a_message_that_is_too_large_closes(llm: str, message: str | bytes) -> None:
    with serve(assistant(llm, max_message_bytes=1024)) as url:
        async with talk(url) as client:
            await client.socket.send(message)

            assert "too large" in (await client.receive())["message"]
            assert await closed(client) == 1009


async def test_a_message_beyond_what_the_server_buffers_closes(service: str) -> None:
    async with talk(service) as client:
        with suppress(ConnectionClosed):  # in fragments, so that the refused one is a small one
            await client.socket.send(["x" * (64 << 10)] * 65)

        assert await closed(client) == 1009


async def test_too_many_messages_are_refused_but_cancel_is_obeyed(slow: str) -> None:
    with serve(assistant(slow, max_messages_per_minute=2)) as url:
        async with talk(url) as client:
            await client.chat("hello", id="a")
            await client.send({"type": "ping"})
            await client.chat("hello", id="b")
            await client.send({"type": "cancel"})
            refusal = await client.answer()
            replies = refusal + await client.answer()

    by_type = {reply["type"]: reply for reply in replies}
    assert "pong" in by_type
    assert by_type["error"]["code"] == "rate_limit_exceeded"
    assert by_type["cancelled"]["id"] == "a"


async def test_too_many_requests_at_once_are_refused(slow: str) -> None:
    with serve(assistant(slow, max_in_flight_per_connection=1)) as url:
        async with talk(url) as client:
            await client.chat("hello", id="a")
            await client.chat("hello", id="b")
            refusal = (await client.answer())[-1]
            answered = (await client.answer())[-1]

    assert (refusal["id"], refusal["code"]) == ("b", "too_many_in_flight")
    assert (answered["id"], answered["type"]) == ("a", "complete")


async def test_a_full_service_refuses_turns_but_keeps_the_socket(slow: str) -> None:
    with serve(assistant(slow, max_concurrency=1, max_queue=0)) as url:
        async with talk(url) as first, talk(url) as second:
            await first.chat("hello")
            await first.receive()
            busy = await second.ask("hello", id="a")
            await first.answer()
            free = await second.ask("hello", id="a")

    assert busy["code"] == "overloaded"
    assert free["type"] == "complete"


def refusals(app: Service) -> float | None:
    """How many were turned away for want of a place."""
    return app.metrics.registry.get_sample_value("parley_refused_total", {"reason": "sessions"})


async def test_connections_are_counted_and_given_back(llm: str) -> None:
    app = assistant(llm, max_connections=1)
    with serve(app) as url:
        async with talk(url):
            assert refusals(app) == 0
            status, error = await refused(url)
            assert refusals(app) == 1
        async with asyncio.timeout(2):
            while True:
                try:
                    async with talk(url) as client:
                        assert (await client.ask("hello"))["type"] == "complete"
                    break
                except InvalidStatus:
                    continue

    assert (status, error["code"]) == (503, "overloaded")


async def test_one_key_cannot_take_all_connections(llm: str) -> None:
    settings = {"api_keys": "k1,k2", "max_connections": 3, "max_connections_per_key": 1}
    first = {"additional_headers": {"authorization": "Bearer k1"}}
    second = {"additional_headers": {"authorization": "Bearer k2"}}
    app = assistant(llm, **settings)
    with serve(app) as url:
        async with talk(url, **first):
            status, error = await refused(url, **first)
            assert refusals(app) == 1
            async with talk(url, **second) as client:
                assert (await client.ask("hello"))["type"] == "complete"

    assert (status, error["code"]) == (429, "rate_limit_exceeded")


async def test_nor_by_bringing_its_key_later(llm: str) -> None:
    settings = {"api_keys": "k1,k2", "max_connections_per_key": 1}
    app = assistant(llm, **settings)
    with serve(app) as url:
        async with talk(url) as first, talk(url) as second:
            await first.send({"type": "auth", "token": "k1"})
            await first.receive()
            await second.send({"type": "auth", "token": "k1"})

            assert (await second.receive())["code"] == "rate_limit_exceeded"
            assert await closed(second) == 1013
            assert refusals(app) == 1


async def test_a_message_that_is_too_long_for_the_model_is_refused(llm: str) -> None:
    with serve(assistant(llm, max_history_tokens=50)) as url:
        async with talk(url) as client:
            assert (await client.ask("x" * 401, id="a"))["code"] == "context_too_long"
            assert (await client.ask("hello"))["type"] == "complete"


async def test_a_connection_on_which_nothing_happens_is_closed(llm: str) -> None:
    with serve(assistant(llm, idle_timeout_s=0.2)) as url:
        async with talk(url) as client:
            assert await closed(client) == 1000


async def test_an_answer_under_way_is_not_nothing(slow: str) -> None:
    with serve(assistant(slow, idle_timeout_s=0.1)) as url:
        async with talk(url) as client:
            assert (await client.ask("hello"))["type"] == "complete"


def floods(exchange: Exchange) -> None:
    exchange.begin()
    try:
        while True:
            exchange.say("x" * 10_000)
    except OSError:
        exchange.server.hung_up.set()


async def test_a_client_that_does_not_read_is_given_up() -> None:
    with upstream(floods) as server, serve(assistant(server.url, send_timeout_s=0.3)) as url:
        async with talk(url, max_queue=1) as client:
            await client.chat("hello")

            assert await asyncio.to_thread(server.hung_up.wait, 10)
            client.socket.transport.abort()


async def test_a_half_open_socket_is_found(llm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's machine is there but nobody reads; as after a cable was pulled."""
    monkeypatch.setattr(serving, "config", impatient)
    app = assistant(llm)
    with serve(app) as url:
        async with talk(url) as client:
            await client.ask("hello")
            client.socket.transport.pause_reading()

            await asyncio.to_thread(
                wait_until,
                lambda: "parley_open_sockets 0.0" in app.metrics.render().decode(),
                10,
                "the server finds out",
            )
            client.socket.transport.abort()


def impatient(*args: Any, **options: Any) -> uvicorn.Config:
    """The server's settings, but it asks much more often whether clients are there."""
    changed = config(*args, **options)
    changed.ws_ping_interval = changed.ws_ping_timeout = 0.2
    return changed


def test_a_service_asks_whether_its_clients_are_there() -> None:
    usual = config(lambda *_: None, grace_s=1)  # type: ignore[arg-type, return-value]

    assert (usual.ws_ping_interval, usual.ws_ping_timeout) == (20, 20)


async def test_a_draining_server_lets_nobody_in(llm: str) -> None:
    app = assistant(llm)
    with serve(app) as url:
        app.health.mark_draining()
        status, error = await refused(url)

    assert (status, error["code"]) == (503, "not_ready")


async def test_a_stopping_server_closes_with_service_restart(llm: str) -> None:
    serving = serve(assistant(llm))
    url = serving.__enter__()
    async with talk(url) as client:
        await client.ask("hello")
        await asyncio.to_thread(serving.__exit__, None, None, None)

        assert await closed(client) == 1012


async def test_a_turn_under_way_stops_with_the_server() -> None:
    model = language_model(scripted_tokens_per_s=5)
    with serve(model) as slow:
        serving = serve(assistant(slow))
        url = serving.__enter__()
        async with talk(url) as client:
            await client.chat("hello")
            await client.receive()
            await asyncio.to_thread(serving.__exit__, None, None, None)

        wait_until(lambda: model.admission.load.running == 0, 1.0, "the upstream stops")
