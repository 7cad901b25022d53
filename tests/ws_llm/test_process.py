"""The service as its own process: what it logs, how it stops, and what it refuses to start with."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.serving import serve, wait_until
from tests.ws_llm.talking import language_model, talk

CANARY = "canary-4711"
KEY = "key-canary-0815"


def command(**environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "parley_ws_llm"],
        env={"PATH": os.environ["PATH"], **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def process(llm: str, log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service at the most talkative log level, ready."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = str(reserved.getsockname()[1])
    started = command(
        OPENAI_BASE_URL=llm, API_KEYS=KEY, LISTEN_PORT=port, LOG_LEVEL="debug", LOG_FORMAT="json"
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _ready(url), 20, "the process is ready")
        yield started, url
    finally:
        started.kill()
        log.write_text(started.communicate()[1])


def _ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz").status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.anyio
async def test_nothing_that_was_said_is_logged(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serve(language_model()) as llm, process(llm, log) as (_, url):
        async with talk(url, f"/ws-llm/ws?token={KEY}") as client:
            await client.send({"type": "auth", "token": KEY})
            await client.receive()
            answered = await client.ask(f"flu {CANARY}", id=f"id-{CANARY}")
            await client.ask({"role": "system", "content": CANARY})
            await client.ask({"role": "user", "content": CANARY, "tool": CANARY})
            await client.send(CANARY)
            await client.receive()
        async with talk(url) as client:
            await client.send({"type": "auth", "token": f"{KEY}-wrong"})
            await client.receive()
        with pytest.raises(InvalidStatus):
            async with talk(url, additional_headers={"authorization": f"Bearer {KEY}-wrong"}):
                pass

    lines = log.read_text()
    assert answered["type"] == "complete"
    assert '"outcome": "complete"' in lines
    assert CANARY not in lines
    assert KEY not in lines
    assert answered["content"][:20] not in lines


@pytest.mark.anyio
async def test_an_answer_that_was_begun_is_finished_after_sigterm(tmp_path: Path) -> None:
    paced = language_model(scripted_tokens_per_s=20)
    with serve(paced) as llm, process(llm, tmp_path / "log") as (running, url):
        async with talk(url, additional_headers={"authorization": f"Bearer {KEY}"}) as client:
            await client.chat("How long does the flu last?")
            first = await client.receive()
            running.send_signal(signal.SIGTERM)
            rest = await client.answer()
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()

        assert running.wait(10) == 0

    assert first["type"] == "delta"
    assert rest[-1]["type"] == "complete"
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1012


@pytest.mark.anyio
async def test_sigterm_closes_sockets_and_ends_well(tmp_path: Path) -> None:
    with serve(language_model()) as llm, process(llm, tmp_path / "log") as (running, url):
        async with talk(url, additional_headers={"authorization": f"Bearer {KEY}"}) as client:
            await client.ask("hello")
            running.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()

        assert running.wait(10) == 0

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1012


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({"ALLOW_ANONYMOUS": "true"}, "OPENAI_BASE_URL"),
        ({"OPENAI_BASE_URL": "http://llm:8000"}, "API_KEYS"),
        (
            {
                "OPENAI_BASE_URL": "http://llm:8000",
                "ALLOW_ANONYMOUS": "true",
                "WS_LLM_PERSONA_FILE": "/nowhere",
            },
            "WS_LLM_PERSONA_FILE",
        ),
        ({"OPENAI_BASE_URL": "http://llm:8000", "WS_LLM_MAX_TURNS": "no"}, "WS_LLM_MAX_TURNS"),
    ],
)
def test_it_says_what_is_missing(environment: dict[str, str], variable: str) -> None:
    started = command(**environment)
    _, told = started.communicate(timeout=20)

    assert started.returncode == 2
    assert variable in told
    assert len(told.splitlines()) == 1


def test_every_line_of_the_log_is_json(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serve(language_model()) as llm, process(llm, log):
        pass

    assert all(json.loads(line)["message"] for line in log.read_text().splitlines())
