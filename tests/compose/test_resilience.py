"""Services that are killed, restarted and multiplied while they are used."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx2
import pytest
from websockets.asyncio.client import connect

from parley.bench.compose_load import load
from parley.bench.compose_restart import busy, restart, stopping, until
from parley.bench.compose_stack import SERVICES, docker
from tests.compose.conftest import Stack
from tests.compose.test_callers import spoken
from tests.serving import wait_until

STARTING = re.compile("it is starting|it waits for")
Replicated = Callable[[str, int], list[str]]
# A deadline, and no figure: how soon it is, is measured by `parley bench compose`.
BACK_WITHIN_S = 60.0
_COUNT = (
    "import sys, urllib.request as r; print(r.urlopen(r.Request('http://127.0.0.1:8000/metrics',"
    " headers={'authorization': 'Bearer ' + sys.argv[1]})).read().decode())"
)


@dataclass(frozen=True, slots=True)
class Life:
    """One container's."""

    restarts: int
    started: str


def life(container: str) -> Life:
    told = json.loads(docker("inspect", container))[0]
    return Life(told["RestartCount"], told["State"]["StartedAt"])


def answers(stack: Stack, service: str) -> bool:
    path = "/livez" if service == "gateway" else f"/{service}/readyz"
    try:
        return httpx2.get(f"{stack.address}{path}", trust_env=False, timeout=2).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_killed_comes_back_and_others_are_unharmed(
    stack: Stack, service: str
) -> None:
    containers = {name: stack.container(name) for name in SERVICES}
    before = {name: life(container) for name, container in containers.items()}

    # Not waited for: with the service whoever kills it ends, too.
    kill = "kill -9 $(cat /proc/1/task/1/children)"
    stack.run("exec", "--detach", service, "bash", "-c", kill)

    container = containers[service]
    wait_until(
        lambda: life(container).restarts > before[service].restarts, BACK_WITHIN_S, "restarted"
    )
    wait_until(lambda: answers(stack, service), BACK_WITHIN_S, "it answers again")
    after = {name: life(container) for name, container in containers.items()}
    del before[service], after[service]
    assert after == before


@pytest.fixture
def speech(stack: Stack) -> bytes:
    return spoken(stack, "Hello there.")


@pytest.mark.anyio
@pytest.mark.parametrize("service", SERVICES)
async def test_a_restart_loses_nothing_and_harms_no_other(
    stack: Stack, service: str, speech: bytes
) -> None:
    async with load(stack.direct_url(), stack.key, speech, callers=2) as running:
        seen = await restart(stack, service, running)

    assert seen.in_flight > 0
    assert seen.lost == []
    assert seen.broken == []
    assert running.refused_elsewhere(service) == []


def address_of(stack: Stack, container: str) -> str:
    networks = docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", container)
    address: str = json.loads(networks)[f"{stack.project}_inside"]["IPAddress"]
    return address


def test_a_service_that_comes_back_at_another_address_is_found(stack: Stack) -> None:
    """The second replica stays when the first one goes."""
    first = stack.container("llm")
    before = address_of(stack, first)
    stack.run("up", "--detach", "--no-recreate", "--no-deps", "--wait", "--scale", "llm=2", "llm")
    docker("stop", first)
    docker("rm", first)

    assert address_of(stack, stack.container("llm")) != before
    wait_until(lambda: answers(stack, "llm"), BACK_WITHIN_S, "the gateway finds it")


@pytest.fixture
def replicas(stack: Stack) -> Iterator[Replicated]:
    """Has several of a service, and tells their containers."""
    multiplied = list[str]()

    def replicated(service: str, number: int) -> list[str]:
        multiplied.append(service)
        scale(stack, service, number)
        return stack.run("ps", "-q", service).split()

    yield replicated
    for service in multiplied:
        scale(stack, service, 1)


def scale(stack: Stack, service: str, number: int) -> None:
    stack.run("up", "--detach", "--no-recreate", "--wait", "--scale", f"{service}={number}")


async def rolled(stack: Stack, container: str) -> float:
    """Restart one container and wait until it is back; the value is when it was told to stop."""
    at = await stopping(container, lambda: docker("restart", "--time", "45", container))
    await asyncio.to_thread(stack.wait_healthy, BACK_WITHIN_S)
    return at


@pytest.mark.anyio
@pytest.mark.parametrize("service", ["stt", "tts", "llm", "ws-llm"])
async def test_replicas_restarted_one_after_the_other_refuse_nobody(
    stack: Stack, replicas: Replicated, service: str, speech: bytes
) -> None:
    containers = await asyncio.to_thread(replicas, service, 2)
    async with load(stack.direct_url(), stack.key, speech, callers=2) as running:
        await busy(running)
        signals = []
        for container in containers:
            await until(lambda: running.is_busy(service), "all kinds of requests are in flight")
            signals.append(await rolled(stack, container))

    assert sum(running.in_flight(service, at) for at in signals) > 0
    assert running.broken() == []
    # On a busy machine one may take longer to start than it keeps callers waiting, and says so.
    assert [said for said in running.refused() if not STARTING.search(said)] == []


def metric(stack: Stack, container: str, name: str) -> float:
    told = docker("exec", container, "python", "-c", _COUNT, stack.key)
    return sum(float(value) for value in re.findall(rf"^{name}\S* (\S+)$", told, re.MULTILINE))


@pytest.mark.anyio
async def test_replicas_share_the_connections(stack: Stack, replicas: Replicated) -> None:
    """One of three is missed by 60 draws in 1 of 10 billion runs."""
    three = await asyncio.to_thread(replicas, "stt", 3)
    headers = {"authorization": f"Bearer {stack.key}"}
    address = f"{stack.address.replace('http', 'ws', 1)}/stt/v1/realtime?intent=transcription"
    async with httpx2.AsyncClient(trust_env=False, headers=headers, timeout=30) as http:
        for _ in range(60):
            assert (await http.get(f"{stack.address}/stt/v1/models")).status_code == 200
    async with AsyncExitStack() as sockets:
        for _ in range(60):
            await sockets.enter_async_context(
                connect(address, additional_headers=headers, proxy=None)
            )
        open_sessions = [
            await asyncio.to_thread(metric, stack, one, "parley_stt_realtime_sessions")
            for one in three
        ]
    requests = [metric(stack, one, 'parley_requests_total{route="/v1/models"') for one in three]

    assert len(three) == 3
    assert min(open_sessions) > 0
    assert sum(open_sessions) == 60
    assert min(requests) > 0
    assert sum(requests) == 60
