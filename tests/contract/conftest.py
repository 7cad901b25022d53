"""The whole stack on a socket, once for all contract tests."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley.bench import random_whisper
from parley.stack import Address, Stack, create_services
from parley_kit.settings import ServiceSettings
from parley_stt.app import create_app
from parley_stt.settings import SttSettings
from tests.serving import serve

KEY = "contract-key"
WHISPER = "Systran/faster-whisper-tiny"


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


@pytest.fixture(scope="session")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an STT service with faster-whisper, whose model says words of no language."""
    folder = random_whisper.write(tmp_path_factory.mktemp("models") / "made-up-whisper")
    settings = SttSettings(
        engine="faster-whisper", model=str(folder), device="cpu", api_keys=KEY,
        served_models=f"whisper-1,{WHISPER}",
    )  # fmt: skip
    with serve(create_app(settings)) as url:
        yield url
