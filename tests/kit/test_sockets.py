"""Who may open a socket, and how long is waited for who does not read."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from parley_kit.sockets import (
    Connection,
    ForeignOrigin,
    Gone,
    accept,
    authorization,
    check_origin,
    origins,
    same_origin,
    size_of,
)
from tests.kit.demo import demo_service
from tests.serving import serve


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8000", "localhost:8000"),
        ("https://chat.example", "chat.example"),
        ("https://chat.example", "chat.example:443"),
        ("https://Chat.Example", "chat.example"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_a_page_may_connect_to_where_it_came_from(origin: str, host: str) -> None:
    assert same_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "chat.example"),
        ("https://chat.example.evil.example", "chat.example"),
        ("https://evil.example/chat.example", "chat.example"),
        ("http://localhost:3000", "localhost:8000"),
        ("https://chat.example:8443", "chat.example"),
        ("null", "chat.example"),
        ("file://", "chat.example"),
        ("", ""),
        ("https://", ""),
        ("https://[bad", "chat.example"),
        ("https://chat.example:x", "chat.example"),
    ],
)
def test_a_page_of_another_origin_may_not(origin: str, host: str) -> None:
    assert not same_origin(origin, host)


@given(st.text(), st.text())
def test_no_origin_or_host_breaks_the_comparison(origin: str, host: str) -> None:
    assert same_origin(origin, host) in (True, False)


def test_what_is_not_a_browser_sends_no_origin() -> None:
    check_origin(None, "chat.example", frozenset(), "ORIGINS")


def test_listed_origins_replace_the_own_one() -> None:
    allowed = origins(["https://App.example/"])

    check_origin("https://app.example", "chat.example", allowed, "ORIGINS")
    with pytest.raises(ForeignOrigin, match="ORIGINS"):
        check_origin("https://chat.example", "chat.example", allowed, "ORIGINS")


@pytest.mark.parametrize(
    ("header", "subprotocols", "found"),
    [
        (None, [], None),
        (None, ["parley"], None),
        (None, ["parley", "parley-key.abc"], "Bearer abc"),
        ("Bearer xyz", ["parley", "parley-key.abc"], "Bearer xyz"),
    ],
)
def test_a_key_comes_in_a_header_or_a_subprotocol(
    header: str | None, subprotocols: list[str], found: str | None
) -> None:
    assert authorization(header, subprotocols, "parley-key.") == found


@given(st.text())
def test_the_size_of_a_message_is_that_of_its_bytes(text: str) -> None:
    assert size_of(text) == len(text.encode(errors="surrogatepass"))
    assert size_of(text.encode()) == len(text.encode())


@pytest.mark.anyio
async def test_a_client_that_does_not_read_is_given_up() -> None:
    service, given_up = demo_service(), asyncio.Event()
    here = asyncio.get_running_loop()

    @service.websocket("/v1/flood")
    async def flood(socket: WebSocket) -> None:
        await accept(socket, "flood")
        connection = Connection(socket, send_timeout_s=0.2)
        try:
            while True:
                await connection.send_text("x" * 10_000)
        except Gone:
            here.call_soon_threadsafe(given_up.set)

    with serve(service) as url:
        async with connect(f"{url.replace('http', 'ws', 1)}/v1/flood", max_queue=1) as client:
            async with asyncio.timeout(10):
                await given_up.wait()
            client.transport.abort()
