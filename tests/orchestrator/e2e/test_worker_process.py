"""`python -m parley_orchestrator start` as an operator runs it: it starts, says how it is, ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.serving import wait_until

STARTS_WITHIN_S = 60.0
ENDS_WITHIN_S = 30.0
NOBODY = "ws://127.0.0.1:9"
LIVEKIT = {"LIVEKIT_URL": NOBODY, "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "s" * 32}


def environment(**settings: str) -> dict[str, str]:
    return {
        **os.environ,
        "LLM_CHAIN": "qwen",
        "OPENAI_BASE_URL": "http://127.0.0.1:9",
        "ORCHESTRATOR_HEALTH_PORT": "0",
        "ADMIN_PORT": "0",
        **settings,
    }


@contextmanager
def worker(log: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "parley_orchestrator", "start"],
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(ENDS_WITHIN_S)


def logged(log: Path, pattern: str) -> list[str]:
    return re.findall(pattern, log.read_text(errors="replace"))


def test_a_worker_is_healthy_without_services_and_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with worker(log, **LIVEKIT) as process:
        ready = r"speech services asked"
        wait_until(lambda: logged(log, ready), STARTS_WITHIN_S, "a process for a call is ready")
        (port,) = logged(log, r"HTTP server listening on \S+:(\d+)")
        (admin,) = logged(log, r"the admin page is at (http://[^\s\"]+)")
        health = httpx2.get(f"http://127.0.0.1:{port}/")
        load = httpx2.get(f"http://127.0.0.1:{port}/worker").json()
        chain = httpx2.get(f"{admin}status").json()
        process.send_signal(signal.SIGTERM)
        status = process.wait(ENDS_WITHIN_S)

    assert (health.status_code, health.text) == (200, "OK")
    assert load.get("active_jobs", 0) == 0
    assert chain["current"]["name"] == "qwen"
    assert status == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"time", "level", "logger", "message"} <= set(lines[0])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "Set LIVEKIT_URL and LIVEKIT_API_KEY and LIVEKIT_API_SECRET"),
        ({**LIVEKIT, "AGENT_PERSONA": "dentist"}, "AGENT_PERSONA: dentist is neither"),
        ({**LIVEKIT, "SELF_HOSTED_STT_ENABLED": "false"}, "SELF_HOSTED_STT_ENABLED=false"),
        ({**LIVEKIT, "ORCHESTRATOR_BOARD": "/nowhere/board"}, "ORCHESTRATOR_BOARD: "),
    ],
)
def test_settings_that_cannot_work_are_refused_in_a_sentence(
    settings: dict[str, str], sentence: str
) -> None:
    assert_refused(settings, sentence)


def test_a_health_port_that_is_taken_is_refused_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_refused({**LIVEKIT, "ORCHESTRATOR_HEALTH_PORT": str(port)}, f"Port {port} on")


def test_a_console_that_nobody_answers_ends_in_a_sentence() -> None:
    ended = run("console", "--connect-addr", "127.0.0.1:9")

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("Nobody takes the call at 127.0.0.1:9: ")


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "parley_orchestrator", *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=STARTS_WITHIN_S,
        check=False,
    )


def assert_refused(settings: dict[str, str], sentence: str) -> None:
    refused = run("start", **settings)

    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
