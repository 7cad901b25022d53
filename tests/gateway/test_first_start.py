"""Before a service is there, what fetches its model answers for it at `/readyz`, and only there."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from parley.bench.gateway_nginx import Gateway, gateway
from tests.gateway.behind import demo, faulty, where
from tests.kit.demo import Demo
from tests.serving import error_of, serve

NAMES = ("stt", "tts", "llm")
DOWNLOAD = {"done_mb": 6384.0, "total_mb": 15200.0, "percent": 42}


class Fetching(Demo):
    """It never gets ready, and says how far it is."""

    def __init__(self) -> None:
        super().__init__(loads=False)

    def status(self) -> dict[str, object]:
        return {"download": DOWNLOAD}


@contextmanager
def fetching(name: str, **services: str) -> Iterator[Gateway]:
    with (
        serve(demo(name, Fetching()), wait_for_ready=False) as url,
        gateway({f"{name}-model": where(url), **services}) as front,
    ):
        yield front


def hang_up(connection: socket.socket) -> None:
    """Only after it was asked."""
    connection.recv(65536)


@pytest.mark.parametrize("name", NAMES)
def test_the_progress_is_told_while_the_service_is_not_there(name: str) -> None:
    with fetching(name) as front:
        response = httpx2.get(f"{front.url}/{name}/readyz")

    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert response.json()["download"] == DOWNLOAD
    assert response.json()["error"]["code"] == "not_ready"


@pytest.mark.parametrize(
    "path", ["livez", "readyz/", "v1/models", "v1/headers", "metrics", "status", "model/readyz"]
)
def test_nothing_else_is_asked_of_what_fetches(path: str) -> None:
    with fetching("stt") as front:
        response = httpx2.get(f"{front.url}/stt/{path}")

    assert response.status_code == (404 if path in ("metrics", "status") else 503)
    assert error_of(response)["code"] in ("unreachable", "unknown_url")


@pytest.mark.parametrize("name", NAMES)
def test_a_service_that_is_there_answers_for_itself(name: str) -> None:
    with serve(demo(name)) as url, fetching(name, **{name: where(url)}) as front:
        assert httpx2.get(f"{front.url}/{name}/readyz").json() == {"status": "ready"}


def test_with_neither_of_them_the_service_is_unreachable() -> None:
    with gateway({}) as front:
        response = httpx2.get(f"{front.url}/stt/readyz")

    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert error_of(response)["code"] == "unreachable"


def test_a_service_that_hangs_up_has_failed_whatever_there_is_beside_it() -> None:
    with faulty(hang_up) as broken, fetching("stt", stt=broken) as front:
        response = httpx2.get(f"{front.url}/stt/readyz")

    assert response.status_code == 502
    assert error_of(response)["code"] == "upstream_failed"
