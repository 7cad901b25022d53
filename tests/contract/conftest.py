"""The whole stack on a socket, once for all contract tests."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley.stack import Address, Stack, create_services
from parley_kit.settings import ServiceSettings
from tests.serving import serve

KEY = "contract-key"


@pytest.fixture(scope="session")
def stack() -> Iterator[str]:
    """The stack's address; it asks for `KEY`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = Address("127.0.0.1", port, KEY)
    access = {"api_keys": f"another-key,{KEY}"}
    whole = Stack(create_services(address, access), ServiceSettings(**access))
    with serve(whole.home, on=whole, port=port) as url:
        assert whole.home.health.ready, whole.home.health.reason
        yield url


@pytest.fixture(scope="session")
def question() -> bytes:
    """The recording that comes with the repository."""
    return (Path(__file__).parents[2] / "examples" / "question.wav").read_bytes()
