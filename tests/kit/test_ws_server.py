"""Messages reach an application a few at a time, whole and in order, however they arrive."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from parley_kit.app import Service
from parley_kit.server import config
from parley_kit.ws_server import UnhurriedWebSocketProtocol, finish_before_shutdown
from tests import serving
from tests.kit.demo import demo_service
from tests.serving import serve, stopping

messages = st.lists(st.text(max_size=3_000), max_size=40)


class Wire(asyncio.Transport):
    """What is written to it goes nowhere."""

    closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Conversation:
    """An application on the protocol, and the bytes of its client."""

    def __init__(self, app: ASGIApp) -> None:
        loaded = config(app, grace_s=1)
        loaded.load()
        self.protocol = UnhurriedWebSocketProtocol(loaded, ServerState(), {})
        self.protocol.connection_made(Wire())
        client = ClientProtocol(parse_uri("ws://test/"))
        client.send_request(client.connect())
        self.protocol.data_received(b"".join(client.data_to_send()))

    def hears(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.protocol.data_received(piece)

    async def ended(self) -> None:
        self.protocol.connection_lost(None)
        await asyncio.gather(*self.protocol.tasks)


def frames(texts: Iterable[str]) -> bytes:
    return b"".join(Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in texts)


def cut(data: bytes, length: int) -> list[bytes]:
    return [data[at : at + length] for at in range(0, len(data), length)]


@settings(deadline=None)
@given(messages, st.integers(1, 100_000))
def test_messages_arrive_whole_and_in_order_however_they_are_cut(
    texts: list[str], length: int
) -> None:
    asyncio.run(heard_whole(texts, length))


async def heard_whole(texts: list[str], length: int) -> None:
    heard: list[str] = []
    complete = asyncio.Event()

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while len(heard) < len(texts):
            heard.append((await receive())["text"])
        complete.set()
        await receive()

    conversation = Conversation(listen)
    conversation.hears(cut(frames(texts), length))
    async with asyncio.timeout(10):
        await complete.wait()
    await conversation.ended()
    assert heard == texts


@pytest.mark.anyio
async def test_who_sends_thousands_at_once_has_a_few_of_them_parsed() -> None:
    read = asyncio.Semaphore(0)

    async def dawdle(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            await read.acquire()

    conversation = Conversation(dawdle)
    conversation.hears([frames(["hello"] * 5_000)])
    for _ in range(500):
        assert conversation.protocol.queue.qsize() < 300
        read.release()
        await asyncio.sleep(0)
    for _ in range(5_000):
        read.release()
    await conversation.ended()


def finishing_service(said: asyncio.Event) -> Service:
    """Has a socket that at shutdown waits for one more message, and answers it."""
    service = demo_service()

    @service.websocket("/v1/loyal")
    async def loyal(socket: WebSocket) -> None:
        await socket.accept()
        finish_before_shutdown(socket.scope, said.set)
        await said.wait()
        message = await socket.receive()
        if message["type"] == "websocket.receive":
            await socket.send_text(message["text"])
            await socket.close(1012)

    return service


@pytest.mark.anyio
async def test_what_the_parser_does_not_take_as_a_handshake_is_closed() -> None:
    loaded, wire = config(demo_service(), grace_s=1), Wire()
    loaded.load()
    protocol = UnhurriedWebSocketProtocol(loaded, ServerState(), {})
    protocol.connection_made(wire)

    protocol.data_received(b"POST / HTTP/1.1\r\n\r\n")

    assert wire.closed
    protocol.shutdown()


@asynccontextmanager
async def loyal(stack: ExitStack) -> AsyncIterator[tuple[ClientConnection, str]]:
    """A connection to that, and the address of its server, which `stack` stops."""
    url = stack.enter_context(serve(finishing_service(asyncio.Event())))
    async with connect(f"{url.replace('http', 'ws', 1)}/v1/loyal") as client:
        yield client, url


@pytest.mark.anyio
async def test_a_socket_may_finish_before_its_server_shuts_down() -> None:
    with ExitStack() as stack:
        async with loyal(stack) as (client, url), stopping(url, stack):
            await client.send("a last word")
            heard = await client.recv()
            await client.wait_closed()

    assert (heard, client.close_code) == ("a last word", 1012)


@pytest.mark.anyio
async def test_a_socket_that_does_not_finish_in_time_is_told_that_its_server_restarts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_GRACE_S", 1)
    with ExitStack() as stack:
        async with loyal(stack) as (client, url), stopping(url, stack):
            await client.wait_closed()

    assert client.close_code == 1012


@pytest.mark.anyio
async def test_a_client_that_does_not_answer_a_close_does_not_hold_up_the_shutdown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_GRACE_S", 60)
    with ExitStack() as stack:
        async with loyal(stack) as (client, url):
            async with asyncio.timeout(9), stopping(url, stack):
                await client.send("a last word")
                client.transport.pause_reading()
            client.transport.abort()


@pytest.mark.anyio
async def test_a_close_behind_messages_that_nobody_read_is_answered() -> None:
    service = demo_service()

    @service.websocket("/v1/curt")
    async def curt(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive_text()
        await socket.close(1000)

    with serve(service) as url:
        async with asyncio.timeout(5), connect(f"{url.replace('http', 'ws', 1)}/v1/curt") as client:
            client.transport.write(frames(["hello"] * 1_000))
            await client.close()
            assert client.close_code == 1000
