"""The fault proxy fails as it says, and only then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from tests.orchestrator.contract.asking import until
from tests.orchestrator.fault_proxy import (
    END_OF_HEAD,
    BlackHole,
    CutAfter,
    FaultProxy,
    Garbage,
    GarbageAfter,
    NoFault,
    Refuse,
    SlowFirstByte,
    StallAfter,
    Status,
    Unaccepting,
)

pytestmark = pytest.mark.anyio

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nOne two six"


async def test_without_a_fault_everything_passes() -> None:
    async with proxied() as proxy:
        assert (await get(proxy)).text == "One two six"


async def test_it_refuses_and_then_listens_again_on_the_same_port() -> None:
    async with proxied() as proxy:
        url = proxy.url
        await proxy.become(Refuse())
        with pytest.raises(httpx2.ConnectError):
            await get(proxy)
        await proxy.become(NoFault())

        assert (await get(proxy)).text == "One two six"
        assert proxy.url == url


async def test_an_unaccepted_connection_is_never_made() -> None:
    async with proxied() as proxy:
        await proxy.become(Unaccepting())
        with pytest.raises(httpx2.ConnectTimeout):
            await get(proxy)
        await proxy.become(NoFault())

        assert (await get(proxy)).text == "One two six"


async def test_a_black_hole_takes_the_request_and_says_nothing() -> None:
    async with proxied() as proxy:
        await proxy.become(BlackHole())
        with pytest.raises(httpx2.ReadTimeout):
            await get(proxy)

        assert proxy.accepted == 1


async def test_a_black_hole_swallows_connections_that_exist() -> None:
    async with proxied() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(proxy))
        await exchange(reader, writer)
        await proxy.become(BlackHole())
        with pytest.raises(TimeoutError):
            await exchange(reader, writer)
        writer.close()


async def test_a_status_comes_without_the_server() -> None:
    async with proxied() as proxy:
        await proxy.become(Status(429, retry_after_s=7))
        busy = await get(proxy)
        await proxy.become(Status(503))
        down = await get(proxy)

    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    assert (down.status_code, down.headers.get("retry-after")) == (503, None)


async def test_the_first_byte_can_be_slow() -> None:
    async with proxied() as proxy:
        await proxy.become(SlowFirstByte(0.05))
        began = asyncio.get_running_loop().time()

        assert (await get(proxy)).text == "One two six"
        assert asyncio.get_running_loop().time() - began >= 0.05


async def test_it_stalls_in_the_middle() -> None:
    async with proxied() as proxy:
        await proxy.become(StallAfter(b"One t"))

        assert await first_bytes(proxy) == b"One t"


async def test_it_cuts_in_the_middle() -> None:
    async with proxied() as proxy:
        await proxy.become(CutAfter(b"One t"))
        with pytest.raises(httpx2.RemoteProtocolError):
            await get(proxy)


async def test_it_cuts_between_head_and_body() -> None:
    async with proxied() as proxy:
        await proxy.become(CutAfter(END_OF_HEAD))
        with pytest.raises(httpx2.RemoteProtocolError):
            await get(proxy)


async def test_garbage_comes_in_place_of_the_answer_or_of_its_rest() -> None:
    async with proxied() as proxy:
        await proxy.become(Garbage())
        with pytest.raises(httpx2.RemoteProtocolError):
            await get(proxy)
        await proxy.become(GarbageAfter(b"One t"))
        answered = await get(proxy)

    assert answered.content.startswith(b"One t")
    assert answered.content != b"One two six"


async def test_who_hangs_up_on_the_proxy_hangs_up_on_the_server() -> None:
    gone = asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        gone.set()
        writer.close()

    server = await asyncio.start_server(wait_for_the_end, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, FaultProxy(f"http://127.0.0.1:{port}").running() as proxy:
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(proxy))
        writer.write(b"x")
        await until(lambda: proxy.accepted == 1)
        writer.close()
        async with asyncio.timeout(2):
            await gone.wait()


@asynccontextmanager
async def proxied() -> AsyncIterator[FaultProxy]:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(END_OF_HEAD):
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with FaultProxy(f"http://127.0.0.1:{port}/path").running() as proxy:
        yield proxy
    server.close()


def port_of(proxy: FaultProxy) -> int:
    return int(proxy.url.rpartition(":")[2].partition("/")[0])


async def get(proxy: FaultProxy) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=httpx2.Timeout(0.2)) as client:
        return await client.get(proxy.url)


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(0.2):
        assert await reader.readexactly(len(ANSWER)) == ANSWER


async def first_bytes(proxy: FaultProxy) -> bytes:
    """Of the body, until it stalls."""
    read = bytearray()
    with pytest.raises(httpx2.ReadTimeout):
        await read_into(read, proxy.url)
    return bytes(read)


async def read_into(read: bytearray, url: str) -> None:
    timeout = httpx2.Timeout(2, read=0.2)
    async with httpx2.AsyncClient(timeout=timeout) as client, client.stream("GET", url) as response:
        async for chunk in response.aiter_bytes():
            read += chunk
