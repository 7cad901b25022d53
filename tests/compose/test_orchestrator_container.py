"""The worker's container: what it may do, when it is healthy, how it ends, what it wants set."""

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import pytest

from parley.bench.compose_stack import ComposeStack, demo_stack, docker
from parley.bench.ports import free_port
from parley.errors import ServiceFailed
from tests.compose.conftest import KEY
from tests.serving import wait_until

SERVICE = "orchestrator"
IMAGE = "parley/orchestrator:worker"
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
LIVEKIT = {"LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "a-secret-of-the-tests-000000000000"}
# As LiveKit's server: whoever asks is taken.
_TAKES_WORKERS = """
import asyncio
from livekit.protocol import agent
from websockets.asyncio.server import serve

async def take(connection):
    await connection.recv()
    taken = agent.ServerMessage(register=agent.RegisterWorkerResponse(worker_id="one"))
    await connection.send(taken.SerializeToString())
    await connection.wait_closed()

async def main():
    async with serve(take, "0.0.0.0", 7880) as server:
        await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def image(docker_engine: None) -> None:
    with demo_stack("parley-test-build", {"API_KEYS": KEY, "COMPOSE_PROFILES": "calls"}) as stack:
        stack.run("build", "--quiet", SERVICE)


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker without the services that it would call."""

    stack: ComposeStack
    admin: str
    livekit: str
    """The host that LIVEKIT_URL names."""

    def state(self) -> dict[str, object]:
        told: dict[str, object] = json.loads(
            docker("inspect", "--format", "{{json .State}}", self.container())
        )
        return told

    def container(self) -> str:
        return self.stack.run("ps", "--all", "--quiet", SERVICE).strip()

    def health(self) -> object:
        health = self.state()["Health"]
        assert isinstance(health, dict)
        return health["Status"]


def settings_of(**more: object) -> dict[str, str]:
    settings = {
        "API_KEYS": KEY,
        "COMPOSE_PROFILES": "calls",
        "LLM_CHAIN": "qwen",
        "ADMIN_PORT": free_port(),
        "ORCHESTRATOR_STOP_GRACE_PERIOD": "30s",
        **more,
    }
    return {name: str(value) for name, value in settings.items()}


@contextmanager
def started(**more: object) -> Iterator[Worker]:
    name = f"parley-test-{secrets.token_hex(4)}"
    livekit = f"{name}-livekit"
    settings = settings_of(LIVEKIT_URL=f"ws://{livekit}:7880", **LIVEKIT, **more)
    with demo_stack(name, settings) as stack:
        stack.run("up", "--detach", "--no-deps", SERVICE)
        admin = f"http://127.0.0.1:{settings['ADMIN_PORT']}/admin"
        wait_until(lambda: answers(f"{admin}/livez"), 60, "the admin page is served")
        yield Worker(stack, admin, livekit)


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


@pytest.fixture(scope="module")
def worker(image: None) -> Iterator[Worker]:
    """One that LiveKit's server cannot be reached by."""
    with started() as one:
        yield one


def test_it_is_nobody_special(worker: Worker) -> None:
    status = worker.stack.inside(SERVICE, "cat", "/proc/1/status")

    assert re.search(r"^Uid:\s+10001\s+10001\s+10001\s+10001$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{capabilities}:\s+0+$", status, re.MULTILINE), capabilities


def test_it_can_write_to_its_temporary_directory_alone(worker: Worker) -> None:
    worker.stack.inside(SERVICE, "touch", "/tmp/one")
    for place in ("/", "/opt", "/etc", "/run/lock"):
        with pytest.raises(ServiceFailed, match="Read-only file system"):
            worker.stack.inside(SERVICE, "touch", f"{place}/one")


def test_its_limits_are_those_of_its_container(worker: Worker) -> None:
    host = json.loads(docker("inspect", worker.container()))[0]["HostConfig"]

    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["ReadonlyRootfs"] is True
    assert host["Privileged"] is False
    assert host["CapDrop"] == ["ALL"]
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}


def test_its_admin_page_is_published_for_this_host_and_wants_a_key(worker: Worker) -> None:
    published = json.loads(
        docker("inspect", "--format", "{{json .HostConfig.PortBindings}}", worker.container())
    )
    page = httpx2.get(f"{worker.admin}/")
    nobody = httpx2.get(f"{worker.admin}/status")
    somebody = httpx2.get(f"{worker.admin}/status", headers=AUTHORIZED)

    assert {each["HostIp"] for [each] in published.values()} == {"127.0.0.1"}
    assert (page.status_code, nobody.status_code, somebody.status_code) == (200, 401, 200)
    assert somebody.json()["current"]["name"] == "qwen"


def test_it_is_healthy_when_livekit_has_taken_it_and_not_while_it_tries(worker: Worker) -> None:
    early = httpx2.get(f"{worker.admin}/readyz")
    health = worker.health()
    server = f"{worker.livekit}-server"
    docker(
        "run", "--detach", "--name", server, "--network", f"{worker.stack.project}_outside",
        "--network-alias", worker.livekit, IMAGE, "python", "-c", _TAKES_WORKERS,
    )  # fmt: skip
    try:
        wait_until(lambda: worker.health() == "healthy", 60, "it is healthy")
        later = httpx2.get(f"{worker.admin}/readyz")
    finally:
        docker("rm", "--force", server)

    assert early.status_code == 503
    assert "LiveKit" in early.json()["error"]["message"]
    assert health in ("starting", "unhealthy")
    assert later.status_code == 200
    assert worker.state()["Running"] is True


def test_it_ends_when_it_is_asked_to_and_is_not_killed(image: None) -> None:
    with started() as worker:
        worker.stack.run("stop", SERVICE)

        assert worker.state()["ExitCode"] == 0, "137 is that of a process that was killed"


WANTED = [
    ({}, "Set LIVEKIT_URL and LIVEKIT_API_KEY and LIVEKIT_API_SECRET to take calls"),
    (
        {"LIVEKIT_URL": "wss://livekit.example", **LIVEKIT, "LLM_CHAIN": "gemini,qwen"},
        "GEMINI_API_KEY is needed while gemini is in the chain",
    ),
]


@pytest.mark.parametrize(("settings", "sentence"), WANTED, ids=["livekit", "gemini"])
def test_what_is_missing_is_one_sentence_and_status_2(
    image: None, settings: dict[str, str], sentence: str
) -> None:
    with demo_stack(f"parley-test-{secrets.token_hex(4)}", settings_of(**settings)) as stack:
        command = [*stack.command, "run", "--rm", "--no-deps", "--no-TTY", SERVICE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    (said,) = [line for line in done.stderr.splitlines() if not _is_composes_own(line)]
    assert sentence in said
    assert done.stdout == ""


def _is_composes_own(line: str) -> bool:
    return bool(re.match(r"\s*(Network|Volume|Container) ", line)) or not line.strip()


def test_a_wrong_setting_is_one_line_of_the_log_for_each_start(
    image: None,
) -> None:
    with demo_stack(f"parley-test-{secrets.token_hex(4)}", settings_of()) as stack:
        stack.run("up", "--detach", "--no-deps", SERVICE)
        worker = Worker(stack, "", "")

        def restarts() -> int:
            return int(docker("inspect", "--format", "{{.RestartCount}}", worker.container()))

        wait_until(lambda: restarts() >= 3, 60, "it has been started again")
        stack.run("stop", SERVICE)
        lines = stack.run("logs", "--no-log-prefix", SERVICE).splitlines()

        assert set(lines) == {lines[0]}
        assert "LIVEKIT_URL" in lines[0]
        assert len(lines) <= restarts() + 1
