"""A first start: how far the models are is seen from the beginning, and they come their own way.

With the image for a CPU, a Whisper model of made-up weights and a hub in a container.
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from parley.bench import random_whisper
from parley.bench.compose_stack import ComposeStack, docker
from parley.bench.ports import free_port
from parley.errors import ServiceFailed
from tests.compose.conftest import KEY
from tests.compose.test_confinement import NO_WAY_OUT
from tests.serving import wait_until
from tests.stt.recordings import WEATHER

HUB = "hub-of-the-tests"
FILES = ("docker-compose.yml", "compose.cpu.yml", "tests/compose/first_start.yml")
BUILT_WITHIN_S = 900
STARTED_WITHIN_S = 120
_CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 8000), 2)"


@pytest.fixture(scope="module")
def stack(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    """Only the hub runs."""
    model = random_whisper.write(tmp_path_factory.mktemp("models") / "made-up-whisper")
    model.chmod(0o755)
    settings = {
        "API_KEYS": KEY,
        "GATEWAY_ADDRESS": "127.0.0.1",
        "GATEWAY_PORT": free_port(),
        "GATEWAY_TLS_PORT": free_port(),
        "STT_MODEL": "test/whisper",
        "HF_ENDPOINT": f"http://{HUB}:8000",
        "HUB_MODEL": model,
    }
    env_file = tmp_path_factory.mktemp("compose") / "env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    stack = ComposeStack(f"parley-first-{os.getpid()}", env_file, FILES)
    try:
        stack.run("build", "--quiet", "gateway", "stt", timeout_s=BUILT_WITHIN_S)
        stack.run("up", "--detach", HUB)
        yield stack
    finally:
        stack.down()


def start(stack: ComposeStack) -> str:
    return stack.run("up", "--detach", "--wait", "gateway", "stt", timeout_s=STARTED_WITHIN_S)


def ask(stack: ComposeStack, path: str) -> httpx2.Response:
    """Of the gateway; 503 also while it is not there itself."""
    with suppress(ServiceFailed, httpx2.TransportError):
        return httpx2.get(f"{stack.url()}{path}", timeout=10)
    return httpx2.Response(503, json={})


def transcribe(stack: ComposeStack) -> httpx2.Response:
    return httpx2.post(
        f"{stack.url()}/stt/v1/audio/transcriptions",
        headers={"authorization": f"Bearer {KEY}"},
        data={"model": "whisper-1"},
        files={"file": ("question.wav", WEATHER.read_bytes())},
        timeout=60,
    )


def see_half_of_it(stack: ComposeStack, starting: "Future[str]") -> None:
    def percent() -> int:
        assert not starting.done(), starting.result()
        share: int = ask(stack, "/stt/readyz").json().get("download", {"percent": -1})["percent"]
        return share

    wait_until(lambda: percent() >= 30, STARTED_WITHIN_S, "the gateway tells of a third of it")
    assert percent() < 60
    assert '"message": "downloading the model"' in stack.run("logs", "stt-model")
    assert stack.run("ps", "--quiet", "--status", "running", "stt") == ""


def see_it_reach_nobody(stack: ComposeStack) -> None:
    networks = docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", stack.container(HUB))
    (hub,) = json.loads(networks).values()
    with pytest.raises(ServiceFailed, match=NO_WAY_OUT):
        stack.inside("stt", "python", "-c", _CONNECT, hub["IPAddress"])


def test_a_model_that_cannot_be_had_ends_the_start_with_a_sentence(
    stack: ComposeStack, tmp_path: Path
) -> None:
    wrong = tmp_path / "env"
    wrong.write_text(stack.env_file.read_text().replace("test/whisper", "test/nothing"))
    with pytest.raises(ServiceFailed, match="didn't complete successfully: exit 2"):
        start(replace(stack, env_file=wrong))

    assert "there is no model test/nothing to download" in stack.run("logs", "stt-model")
    assert stack.run("ps", "--quiet", "--status", "running", "stt") == ""


def test_a_model_is_seen_coming_and_served_by_who_cannot_reach_the_hub(
    stack: ComposeStack,
) -> None:
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(start, stack)
        try:
            see_half_of_it(stack, starting)
        finally:
            stack.inside(HUB, "touch", "/tmp/may-finish")
        starting.result(STARTED_WITHIN_S)

    assert ask(stack, "/stt/readyz").json() == {"status": "ready"}
    assert transcribe(stack).status_code == 200
    see_it_reach_nobody(stack)


def test_a_second_start_needs_no_hub_and_leaves_alone_what_serves(stack: ComposeStack) -> None:
    stack.run("stop", HUB)
    serving = stack.container("stt")
    start(stack)

    assert stack.container("stt") == serving
    stack.run("rm", "--stop", "--force", "stt", "stt-model")
    start(stack)
    assert transcribe(stack).status_code == 200
