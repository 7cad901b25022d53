"""Services that restart at another address, and several replicas of one."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx2
import pytest
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from parley.bench.gateway_nginx import Gateway, gateway
from parley.bench.ports import free_port
from tests.gateway.behind import demo, faulty
from tests.gateway.names import Names, names
from tests.serving import error_of, serve, wait_until

FIRST, SECOND, THIRD = "127.0.0.1", "127.0.0.2", "127.0.0.3"
FOUND_WITHIN_S = 3.0


@contextmanager
def by_name(found: Names, port: int) -> Iterator[Gateway]:
    settings = {"GATEWAY_STT": f"stt:{port}", "GATEWAY_RESOLVER": found.where}
    with gateway({}, **settings) as front:
        yield front


@contextmanager
def replica(address: str, port: int) -> Iterator[None]:
    """A service that says at which address it is."""
    service = demo()

    @service.get("/v1/where")
    async def where() -> str:
        return address

    @service.post("/v1/where")
    async def post_where() -> str:
        return address

    @service.websocket("/v1/realtime")
    async def echo(connection: WebSocket) -> None:
        await connection.accept()
        await connection.send_text(await connection.receive_text())

    with serve(service, host=address, port=port):
        yield


def test_a_service_that_comes_back_elsewhere_is_found_again() -> None:
    port = free_port()
    with names(FIRST) as found, by_name(found, port) as front:

        def seen() -> object:
            response = httpx2.get(f"{front.url}/stt/v1/where")
            return response.json() if response.status_code == 200 else response.status_code

        with replica(FIRST, port):
            assert seen() == FIRST
        found.addresses[:] = []
        wait_until(lambda: seen() == 503, FOUND_WITHIN_S, "it is away")
        with replica(SECOND, port):
            found.addresses[:] = [SECOND]
            wait_until(lambda: seen() == SECOND, FOUND_WITHIN_S, "it is found")


def test_replicas_share_the_requests() -> None:
    port = free_port()
    with ExitStack() as running:
        for address in (FIRST, SECOND, THIRD):
            running.enter_context(replica(address, port))
        found = running.enter_context(names(FIRST, SECOND, THIRD))
        front = running.enter_context(by_name(found, port))
        served = Counter(httpx2.get(f"{front.url}/stt/v1/where").json() for _ in range(60))

    assert set(served) == {FIRST, SECOND, THIRD}


def test_a_replica_that_takes_no_connection_is_passed_over_also_for_a_post() -> None:
    port = free_port()
    with (
        replica(SECOND, port),
        names(FIRST, SECOND, THIRD) as found,
        by_name(found, port) as front,
    ):
        replies = [httpx2.post(f"{front.url}/stt/v1/where", content=b"x") for _ in range(20)]

    assert {reply.json() for reply in replies} == {SECOND}


@pytest.mark.anyio
async def test_a_socket_that_one_replica_takes_no_more_is_opened_by_another() -> None:
    port = free_port()
    refusal = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 2\r\n\r\n"

    def about_to_end(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(refusal)

    with ExitStack() as running:
        running.enter_context(faulty(about_to_end, FIRST, port))
        running.enter_context(replica(SECOND, port))
        found = running.enter_context(names(FIRST, SECOND))
        front = running.enter_context(by_name(found, port))
        url = f"{front.url.replace('http', 'ws', 1)}/stt/v1/realtime"
        for _ in range(20):
            async with connect(url, proxy=None) as echo:
                await echo.send("hello")
                assert await echo.recv() == "hello"


def test_a_post_that_was_sent_to_one_replica_is_not_sent_to_another() -> None:
    port, asked = free_port(), list[str]()
    with ExitStack() as running:
        for address in (FIRST, SECOND):
            running.enter_context(
                faulty(lambda it: asked.append(str(it.recv(65536))), address, port)
            )
        found = running.enter_context(names(FIRST, SECOND))
        front = running.enter_context(by_name(found, port))
        response = httpx2.post(f"{front.url}/stt/v1/where", content=b"x")

    assert (response.status_code, error_of(response)["code"]) == (502, "upstream_failed")
    assert len(asked) == 1
