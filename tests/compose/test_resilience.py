"""Services that are killed, restarted and multiplied while they are used."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx2
import pytest
from websockets.asyncio.client import connect

from parley.bench.compose_load import Load, Outcome, load
from parley.bench.compose_stack import SERVICES, docker
from tests.compose.conftest import Stack
from tests.compose.test_callers import QUESTION, spoken
from tests.serving import wait_until

# How soon it is, is measured by `parley bench compose`; here the machine may be busy.
BACK_WITHIN_S = 20.0
HEALTHY_WITHIN_S = 30.0
_COUNT = (
    "import sys, urllib.request as r; print(r.urlopen(r.Request('http://127.0.0.1:8000/metrics',"
    " headers={'authorization': 'Bearer ' + sys.argv[1]})).read().decode())"
)
# Who cannot answer while another is away.
NEEDS = {"llm": {"ws-llm"}}


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
    wait_until(lambda: life(container).restarts > before[service].restarts, 20, "it is restarted")
    wait_until(lambda: answers(stack, service), HEALTHY_WITHIN_S, "it answers again")
    after = {name: life(container) for name, container in containers.items()}
    del before[service], after[service]
    assert after == before


@pytest.fixture
def speech(stack: Stack) -> bytes:
    return spoken(stack, QUESTION)


async def until(condition: object, within_s: float, what: str) -> None:
    assert callable(condition)
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"in {within_s} s: {what}"
        await asyncio.sleep(0.02)


async def busy(running: Load) -> None:
    """Every caller has been served, so everything is warm and in flight."""
    await until(
        lambda: all(
            sum(one.outcome is Outcome.SERVED for one in attempts) >= 3
            for attempts in running.attempts.values()
        ),
        HEALTHY_WITHIN_S,
        "the callers are served",
    )


@pytest.mark.anyio
@pytest.mark.parametrize("service", SERVICES)
async def test_a_restart_loses_nothing_that_was_begun(
    stack: Stack, service: str, speech: bytes
) -> None:
    async with load(stack.address, stack.key, speech, callers=2) as running:
        await busy(running)
        stopped = time.monotonic()
        await asyncio.to_thread(stack.run, "restart", service)
        await until(lambda: running.away_s(service, stopped) is not None, 30, "it serves again")

    away_s = running.away_s(service, stopped)
    assert running.broken() == []
    assert running.lost(service, stopped) == []
    assert away_s is not None
    assert away_s < BACK_WITHIN_S
    for other in {*SERVICES} - {service} - NEEDS.get(service, set()) - {"ws-llm"}:
        if service != "gateway":
            assert {one.outcome for one in running.attempts[other]} == {Outcome.SERVED}, other


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
def three(stack: Stack) -> Iterator[list[str]]:
    """The containers of three replicas of STT."""
    stack.run("up", "--detach", "--no-recreate", "--wait", "--scale", "stt=3")
    yield stack.run("ps", "-q", "stt").split()
    stack.run("up", "--detach", "--no-recreate", "--wait", "--scale", "stt=1")


def metric(stack: Stack, container: str, name: str) -> float:
    told = docker("exec", container, "python", "-c", _COUNT, stack.key)
    return sum(float(value) for value in re.findall(rf"^{name}\S* (\S+)$", told, re.MULTILINE))


@pytest.mark.anyio
async def test_replicas_share_the_connections(stack: Stack, three: list[str]) -> None:
    """One of three is missed by 60 draws in 1 of 10 billion runs."""
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
