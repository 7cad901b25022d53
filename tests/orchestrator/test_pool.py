"""The pool of connections, and the sockets in it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.pool import Limits, Pool
from parley_orchestrator.llm.sockets import Lost, Socket, open_socket, socket_url
from tests.orchestrator.contract.asking import until

pytestmark = pytest.mark.anyio


class Connection:
    """What a pool is made of, told how to be."""

    def __init__(self) -> None:
        self.is_usable = True
        self.is_settled = True
        self.settled = asyncio.Event()
        self.closed = False

    async def settle(self) -> None:
        await self.settled.wait()

    async def close(self) -> None:
        self.closed = True


class Factory:
    """Opens connections."""

    def __init__(self) -> None:
        self.opened: list[Connection] = []
        self.fails = False

    async def __call__(self) -> Connection:
        await asyncio.sleep(0)
        if self.fails:
            raise LlmFailed("there is nobody", "connect")
        self.opened.append(Connection())
        return self.opened[-1]

    @property
    def closed(self) -> int:
        return sum(connection.closed for connection in self.opened)


async def _let_others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_connection_is_used_again() -> None:
    factory = Factory()
    pool = Pool(factory, Limits())
    fresh = []
    for _ in range(3):
        async with pool.connection() as lease:
            fresh.append(lease.is_fresh)

    assert (len(factory.opened), fresh) == (1, [True, False, False])


async def test_one_that_is_not_usable_any_more_is_closed_and_replaced() -> None:
    factory = Factory()
    pool = Pool(factory, Limits())
    await pool.warm()
    factory.opened[0].is_usable = False
    async with pool.connection() as lease:
        assert lease.connection is factory.opened[1]

    await until(lambda: factory.opened[0].closed)


async def test_one_is_shared_by_as_many_as_may() -> None:
    factory = Factory()
    pool = Pool(factory, Limits(per_connection=2))
    await pool.warm()
    async with pool.connection(), pool.connection():
        assert len(factory.opened) == 1
        async with pool.connection():
            assert len(factory.opened) == 2


async def test_one_that_has_to_settle_is_not_used_before() -> None:
    factory = Factory()
    pool = Pool(factory, Limits())
    async with pool.connection() as lease:
        lease.connection.is_settled = False
    async with pool.connection() as lease:
        assert lease.connection is factory.opened[1]
    factory.opened[0].settled.set()
    factory.opened[0].is_settled = True
    await _let_others_run()
    async with pool.connection(), pool.connection():
        assert len(factory.opened) == 2


async def test_more_than_are_kept_are_closed() -> None:
    factory = Factory()
    pool = Pool(factory, Limits(idle=2))
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(pool.connection())

    await until(lambda: factory.closed == 3)


async def test_a_question_too_many_waits_for_a_place() -> None:
    pool = Pool(Factory(), Limits(questions=1))
    got = asyncio.Event()

    async def ask() -> None:
        async with pool.connection():
            got.set()

    async with pool.connection():
        asking = asyncio.create_task(ask())
        await _let_others_run()
        assert not got.is_set()
    await asyncio.wait_for(asking, 2)


async def test_it_does_not_wait_for_ever() -> None:
    pool = Pool(Factory(), Limits(questions=1, wait_s=0.01))
    async with pool.connection():
        with pytest.raises(LlmFailed, match="too many") as failed:
            await pool.warm()

    assert failed.value.kind == "connect"


async def test_whoever_fails_to_open_one_gives_its_place_back() -> None:
    factory = Factory()
    pool = Pool(factory, Limits(questions=1, wait_s=0.01))
    factory.fails = True
    for _ in range(3):
        with pytest.raises(LlmFailed, match="nobody"):
            await pool.warm()
    factory.fails = False

    await pool.warm()


async def test_whoever_is_interrupted_gives_its_place_back() -> None:
    pool = Pool(Factory(), Limits(questions=1, wait_s=0.01))
    for _ in range(3):
        asking = asyncio.create_task(pool.warm())
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    await pool.warm()


async def test_close_closes_also_those_in_use_and_opens_no_more() -> None:
    factory = Factory()
    pool = Pool(factory, Limits())
    await pool.warm()
    async with pool.connection(), pool.connection():
        await pool.close()
        assert factory.closed == 2
    with pytest.raises(LlmFailed, match="closed"):
        await pool.warm()

    assert len(factory.opened) == 2


async def test_one_that_is_opened_while_the_pool_closes_is_closed() -> None:
    factory = Factory()
    pool = Pool(factory, Limits())
    asking = asyncio.create_task(pool.warm())
    await asyncio.sleep(0)
    await pool.close()
    with pytest.raises(LlmFailed, match="closed"):
        await asking

    assert factory.closed == len(factory.opened) == 1


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Socket, ServerConnection]]:
    """A socket, and the server's end of it."""
    ends: list[ServerConnection] = []

    async def hold(connection: ServerConnection) -> None:
        ends.append(connection)
        await connection.wait_closed()

    async with serve(hold, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        socket = await open_socket(f"ws://127.0.0.1:{port}", {}, "model", 2)
        try:
            await until(lambda: bool(ends))
            yield socket, ends[0]
        finally:
            await socket.close()


async def test_a_socket_that_nobody_reads_answers_pings() -> None:
    async with connected() as (_, end):
        pong = await end.ping()

        await asyncio.wait_for(pong, 2)


async def test_a_socket_that_nobody_reads_knows_that_it_was_closed() -> None:
    async with connected() as (socket, end):
        await end.close(1012)
        await until(lambda: not socket.is_open)

        with pytest.raises(Lost) as lost:
            await socket.send("Hello?")
        assert lost.value.code == 1012


async def test_a_server_that_does_not_read_is_lost_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("parley_orchestrator.llm.sockets._SEND_WITHIN_S", 0.05)
    async with connected() as (socket, end):
        end.transport.pause_reading()
        with pytest.raises(Lost):
            await socket.send("x" * (16 << 20))
        await until(lambda: not socket.is_open)
        end.transport.abort()


async def test_redirects_are_not_followed_with_the_key() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.wait_closed()

    def elsewhere(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(HTTPStatus.TEMPORARY_REDIRECT, "")
        response.headers["Location"] = "ws://127.0.0.1:9/"
        return response

    async with serve(talk, "127.0.0.1", 0, process_request=elsewhere) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(LlmFailed, match="status 307"):
            await open_socket(f"ws://127.0.0.1:{port}", {"Authorization": "k"}, "model", 2)


async def test_what_is_said_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected() as (socket, end):
        caplog.clear()
        await socket.send("my secret illness")
        await end.recv()

    ours = [record for record in caplog.records if record.name != "websockets.server"]
    assert "secret" not in "".join(record.getMessage() for record in ours)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/realtime?model=a+b"),
        ("http://h:1/v1/", "ws://h:1/v1/realtime?model=a+b"),
        ("ws://h/v1/realtime", "ws://h/v1/realtime?model=a+b"),
    ],
)
def test_an_address_is_that_of_the_socket(base: str, url: str) -> None:
    assert socket_url(base, "/realtime", {"model": "a b"}) == url
