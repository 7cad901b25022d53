"""What a container may do, looked at from within."""

import json
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from parley.bench.compose_stack import SERVICES, docker
from parley.errors import ServiceFailed
from tests.compose.conftest import KEY, Stack

PYTHON_SERVICES = ("stt", "tts", "llm", "ws-llm")
_CONNECT = (
    "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close();"
    "print('connected')"
)


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


@contextmanager
def listener() -> Iterator[int]:
    """On this host, outside of every network of the stack; the value is its port."""
    with closing(socket.create_server(("0.0.0.0", 0), backlog=16)) as server:
        yield server.getsockname()[1]


@contextmanager
def network(*options: str) -> Iterator[tuple[str, str]]:
    """Its name, and this host's address on it."""
    name = f"parley-test-{secrets.token_hex(4)}"
    docker("network", "create", *options, name)
    try:
        address = docker(
            "network", "inspect", name, "--format", "{{(index .IPAM.Config 0).Gateway}}"
        )
        yield name, address.strip()
    finally:
        docker("network", "rm", name)


def reaches(name: str, address: str, port: int) -> bool:
    """Whether a container that is on one network alone gets through to an address."""
    said = docker(
        "run", "--rm", "--network", name, "parley/llm:embedded",
        "python", "-c", _CONNECT, address, str(port),
    )  # fmt: skip
    return "connected" in said


def test_who_is_on_a_network_like_hub_gets_out_and_who_is_inside_does_not(stack: Stack) -> None:
    with listener() as port, network() as (hub, outside):
        assert reaches(hub, outside, port)
        with pytest.raises(ServiceFailed, match="Network is unreachable"):
            reaches(f"{stack.project}_inside", outside, port)


@pytest.mark.parametrize("service", PYTHON_SERVICES)
def test_nothing_that_hears_speaks_or_thinks_gets_out(stack: Stack, service: str) -> None:
    with (
        listener() as port,
        network() as (_, outside),
        pytest.raises(ServiceFailed, match="Network is unreachable"),
    ):
        stack.inside(service, "python", "-c", _CONNECT, outside, str(port))


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
