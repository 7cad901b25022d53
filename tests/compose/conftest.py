"""The demo stack in containers, brought up once by pytest-docker."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from parley.bench.compose_stack import DEMO, ComposeStack
from parley.bench.ports import free_port
from tests.compose.compositions import ROOT

# Where it is set, as in CI, a machine without Docker is a failure.
_REQUIRED = "PARLEY_REQUIRE_DOCKER"
_HEALTHY_WITHIN_S = 60.0
KEY, OTHER_KEY = "key-of-the-tests", "another-key-of-the-tests"


@dataclass(frozen=True, slots=True)
class Stack(ComposeStack):
    """The running stack with what its callers need."""

    address: str = ""
    key: str = KEY
    keys_file: Path = Path()


def _docker(*arguments: str) -> bool:
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _need(what: str, *, there: bool) -> None:
    if there:
        return
    if os.environ.get(_REQUIRED):
        pytest.fail(f"{_REQUIRED} is set, and {what}")
    pytest.skip(f"{what}; .ci/docker-engine prepares it")


@pytest.fixture(scope="session")
def compose_plugin() -> None:
    _need("there is no Docker Compose", there=_docker("compose", "version"))


@pytest.fixture(scope="session")
def docker_engine(compose_plugin: None) -> None:
    _need("no Docker engine answers", there=_docker("info"))


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    return f"parley-test-{os.getpid()}"


@pytest.fixture(scope="session")
def docker_compose_file() -> list[str]:
    return [str(ROOT / name) for name in DEMO]


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secrets") / "api_keys"
    path.write_text(f"# whose it is\n{KEY}\n")
    path.chmod(0o644)
    return path


@pytest.fixture(scope="session")
def env_file(keys_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys in a file alone; ports that stay when the gateway restarts; a model at a human pace."""
    settings = {
        "API_KEYS_FILE": keys_file,
        "GATEWAY_ADDRESS": "127.0.0.1",
        "GATEWAY_PORT": free_port(),
        "GATEWAY_TLS_PORT": free_port(),
        "LLM_SCRIPTED_TOKENS_PER_S": 50,
    }
    path = tmp_path_factory.mktemp("compose") / "env"
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return path


@pytest.fixture(scope="session")
def docker_compose_command(
    docker_engine: None, docker_compose_project_name: str, env_file: Path
) -> Iterator[str]:
    """Without what the developer's shell exports."""
    kept = [name for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ]
    environment = " ".join(f'{name}="${name}"' for name in kept)
    yield f'env -i {environment} docker compose --env-file "{env_file}"'
    # pytest-docker itself would leave behind what did not start.
    ComposeStack(docker_compose_project_name, env_file).down()


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    return ["build --quiet", "up --detach --wait --wait-timeout 120"]


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    return []


@pytest.fixture(scope="session")
def _running(
    docker_services: object, docker_compose_project_name: str, env_file: Path, keys_file: Path
) -> Stack:
    stack = ComposeStack(docker_compose_project_name, env_file)
    return Stack(stack.project, env_file, address=stack.url(), keys_file=keys_file)


@pytest.fixture
def stack(_running: Stack) -> Stack:
    """The stack, all of it healthy, whatever the test before did to it."""
    _running.wait_healthy(_HEALTHY_WITHIN_S)
    return _running
