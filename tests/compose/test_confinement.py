"""What a container may do, looked at from within."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from parley.bench.compose_stack import SERVICES, docker
from parley.errors import ServiceFailed
from tests.compose.conftest import KEY, Stack
from tests.serving import wait_until

PYTHON_SERVICES = ("stt", "tts", "llm", "ws-llm")
IMAGE = "parley/llm:embedded"
# Dropped or without a route: as the engine's version has it.
NO_WAY_OUT = "timed out|unreachable"
_CONNECT = """
import socket, sys, time
until = time.monotonic() + 3
while True:
    try:
        socket.create_connection((sys.argv[1], 8000), 2).close()
        print("connected")
        break
    except ConnectionRefusedError:  # it is there, and does not listen yet
        if time.monotonic() > until:
            raise
        time.sleep(0.1)
"""


@pytest.mark.parametrize("service", SERVICES)
def test_it_is_nobody_special(stack: Stack, service: str) -> None:
    status = stack.inside(service, "cat", "/proc/1/status")

    assert re.search(r"^Uid:\s+10001\s+10001\s+10001\s+10001$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{capabilities}:\s+0+$", status, re.MULTILINE), capabilities


@pytest.mark.parametrize("service", SERVICES)
def test_it_can_write_to_its_temporary_directory_alone(stack: Stack, service: str) -> None:
    stack.inside(service, "touch", "/tmp/one")
    for place in ("/", "/opt", "/etc", "/usr/local"):
        with pytest.raises(ServiceFailed, match="Read-only file system"):
            stack.inside(service, "touch", f"{place}/one")


def test_personas_of_ones_own_can_be_read_and_not_written(stack: Stack) -> None:
    assert "## Instructions" in stack.inside("ws-llm", "cat", "/personas/receptionist.example.md")
    with pytest.raises(ServiceFailed, match="Read-only file system"):
        stack.inside("ws-llm", "touch", "/personas/one")


@pytest.mark.parametrize("service", SERVICES)
def test_its_limits_are_those_of_its_container(stack: Stack, service: str) -> None:
    host = json.loads(docker("inspect", stack.container(service)))[0]["HostConfig"]

    assert host["Memory"] > 0
    assert 0 < host["PidsLimit"] <= 256
    assert host["ReadonlyRootfs"] is True
    assert host["Privileged"] is False
    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] is None


@pytest.mark.parametrize("service", PYTHON_SERVICES)
def test_no_image_has_a_compiler_or_a_package_manager_for_python(
    stack: Stack, service: str
) -> None:
    for tool in ("cc", "gcc", "make", "pip", "pip3"):
        with pytest.raises(ServiceFailed):
            stack.inside(service, "bash", "-c", f"command -v {tool}")


@pytest.mark.parametrize("service", SERVICES)
def test_no_layer_and_no_setting_of_an_image_knows_a_key(stack: Stack, service: str) -> None:
    image = docker("inspect", "--format", "{{.Image}}", stack.container(service)).strip()
    told = docker("history", "--no-trunc", image) + docker("inspect", image)

    assert KEY not in told
    assert "API_KEY" not in told


def test_keys_from_files_are_in_no_environment(stack: Stack) -> None:
    for service in SERVICES:
        told = docker("inspect", "--format", "{{json .Config.Env}}", stack.container(service))

        assert KEY not in told


@pytest.mark.parametrize("service", ["stt", "ws-llm"])
def test_keys_that_it_may_not_read_are_one_sentence(
    stack: Stack, service: str, tmp_path: Path
) -> None:
    keys, env_file = tmp_path / "keys", tmp_path / "env"
    keys.write_text(f"{KEY}\n")
    keys.chmod(0o600)
    env_file.write_text(f"{stack.env_file.read_text()}API_KEYS_FILE={keys}\n")
    theirs = replace(stack, env_file=env_file)

    with pytest.raises(ServiceFailed, match=r"API_KEYS_FILE: cannot read .*: Permission denied"):
        theirs.run("run", "--rm", "--no-deps", "-T", service)


@dataclass(frozen=True, slots=True)
class World:
    """What is beyond the internal network: a network like `hub`, and somebody who listens on it."""

    network: str
    address: str


@pytest.fixture(scope="module")
def world(docker_engine: None) -> Iterator[World]:
    name = f"parley-test-{secrets.token_hex(4)}"
    docker("network", "create", name)
    try:
        docker(
            "run", "--detach", "--name", name, "--network", name, IMAGE,
            "python", "-m", "http.server", "8000",
        )  # fmt: skip
        networks = json.loads(docker("inspect", name))[0]["NetworkSettings"]["Networks"]
        yield World(name, networks[name]["IPAddress"])
    finally:
        docker("rm", "--force", name)
        docker("network", "rm", name)


def try_to_reach(world: World, network: str) -> str:
    """What a container says that is on one network alone."""
    return docker(
        "run", "--rm", "--network", network, IMAGE, "python", "-c", _CONNECT, world.address
    )


def test_who_is_on_a_network_like_hub_gets_out_and_who_is_inside_does_not(
    stack: Stack, world: World
) -> None:
    wait_until(lambda: "connected" in try_to_reach(world, world.network), 20, "it gets out")
    with pytest.raises(ServiceFailed, match=NO_WAY_OUT):
        try_to_reach(world, f"{stack.project}_inside")


@pytest.mark.parametrize("service", PYTHON_SERVICES)
def test_nothing_that_hears_speaks_or_thinks_gets_out(
    stack: Stack, world: World, service: str
) -> None:
    with pytest.raises(ServiceFailed, match=NO_WAY_OUT):
        stack.inside(service, "python", "-c", _CONNECT, world.address)


@pytest.mark.parametrize("service", PYTHON_SERVICES)
def test_it_is_on_the_internal_network_alone(stack: Stack, service: str) -> None:
    networks = docker(
        "inspect", "--format", "{{json .NetworkSettings.Networks}}", stack.container(service)
    )

    assert [*json.loads(networks)] == [f"{stack.project}_inside"]


def test_only_the_gateway_is_published(stack: Stack) -> None:
    for service in PYTHON_SERVICES:
        ports = docker(
            "inspect", "--format", "{{json .HostConfig.PortBindings}}", stack.container(service)
        )

        assert json.loads(ports) in ({}, None)
