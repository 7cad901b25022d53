"""Who may open a socket, and how long is waited for who does not read."""

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.websockets import WebSocket, WebSocketDisconnected, WebSocketState
from websockets.asyncio.client import connect

from parley_kit.errors import InvalidApiKey
from parley_kit.sockets import (
    Connection,
    ForeignOrigin,
    Gone,
    accept,
    authorization,
    check_origin,
    deny,
    origins,
    same_origin,
    size_of,
)
from tests.kit.demo import demo_service
from tests.serving import serve, wait_until


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


async def outcomes_after_a_hang_up(handle: Any) -> list[str]:
    """What a handler finds that begins after its client has hung up."""
    service, begun, hung_up = demo_service(), asyncio.Event(), threading.Event()
    here = asyncio.get_running_loop()
    found: list[str] = []

    @service.websocket("/v1/late")
    async def late(socket: WebSocket) -> None:
        here.call_soon_threadsafe(begun.set)
        await asyncio.to_thread(hung_up.wait, 10)
        await socket.receive()
        async with asyncio.timeout(5):
            assert (await socket.receive())["type"] == "websocket.disconnect"
        try:
            await handle(socket)
            found.append("returned")
        except (Gone, OSError, RuntimeError) as exc:
            found.append(type(exc).__name__)

    with serve(service) as url:
        host, port = url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(HANDSHAKE)
        async with asyncio.timeout(5):
            await begun.wait()
        writer.transport.abort()
        hung_up.set()
        await asyncio.to_thread(wait_until, lambda: found, 10, "the handler ends")
    return found


HANDSHAKE = (
    b"GET /v1/late HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.mark.anyio
async def test_a_client_that_hangs_up_before_it_is_refused_is_not_told() -> None:
    async def refuse(socket: WebSocket) -> None:
        await deny(socket, InvalidApiKey())

    assert await outcomes_after_a_hang_up(refuse) == ["returned"]


@pytest.mark.anyio
async def test_a_client_that_hangs_up_before_it_is_accepted_is_gone_on_every_send() -> None:
    async def converse(socket: WebSocket) -> None:
        await accept(socket, "late")
        connection = Connection(socket, send_timeout_s=1)
        with pytest.raises(Gone):
            await connection.send_text("hello")
        with pytest.raises(Gone):
            await connection.send_text("hello again")
        with pytest.raises(Gone):
            await connection.receive()
        await connection.close(1000, "")

    assert await outcomes_after_a_hang_up(converse) == ["Gone"]


@pytest.mark.anyio
@pytest.mark.parametrize("error", [BrokenPipeError, WebSocketDisconnected, TimeoutError])
async def test_whatever_a_send_fails_with_the_client_is_gone(error: type[Exception]) -> None:
    async def send(message: Any) -> None:
        raise error

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    socket = WebSocket({"type": "websocket", "headers": []}, receive, send)
    socket.application_state = WebSocketState.CONNECTED
    connection = Connection(socket, send_timeout_s=1)

    with pytest.raises(Gone):
        await connection.send_text("hello")
    with pytest.raises(Gone):
        await connection.close(1000, "")
