"""`parley bench compose`: the demo stack in containers, started, and restarted while it is used.

`compose-build` measures how long its images take to build.
"""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median

import httpx2

from parley.bench.compose_load import load
from parley.bench.compose_restart import Restart, restart
from parley.bench.compose_stack import SERVICES, ComposeStack, demo_stack
from parley.bench.figures import Report
from parley.bench.ports import free_port

_STARTS = 3
# Of each kind of request; what two cores carry beside the stack itself.
_CALLERS = 2
_KEY = "key-of-the-benchmark"
_HEALTHY_WITHIN_S = 120.0
# An answer of the scripted model then takes more than a second.
_TOKENS_PER_S = "40"
_SPOKEN = "Hello there."

Step = Callable[[str], None]


def measure(step: Step) -> Report:
    report = Report("compose")
    with _stack() as stack:
        step("building what is not built yet")
        stack.run("build", "--quiet")
        _starts(report, stack, step)
        _restarts(report, stack, step)
    return report


def _stack() -> AbstractContextManager[ComposeStack]:
    settings = {
        "API_KEYS": _KEY,
        "GATEWAY_ADDRESS": "127.0.0.1",
        "GATEWAY_PORT": str(free_port()),
        "GATEWAY_TLS_PORT": str(free_port()),
        "LLM_SCRIPTED_TOKENS_PER_S": _TOKENS_PER_S,
    }
    return demo_stack(f"parley-bench-{os.getpid()}", settings)


def _starts(report: Report, stack: ComposeStack, step: Step) -> None:
    seconds = []
    for number in range(_STARTS):
        step(f"start {number + 1} of {_STARTS}")
        stack.down()
        started = time.perf_counter()
        stack.run("up", "--detach", "--no-build")
        stack.wait_healthy(_HEALTHY_WITHIN_S)
        seconds.append(time.perf_counter() - started)
    how = f"docker compose up, until every container is healthy; median of {_STARTS}"
    report.add("built images to all healthy", median(seconds), "s", 30, how)


def _restarts(report: Report, stack: ComposeStack, step: Step) -> None:
    url = stack.direct_url()
    speech = _speech(url)
    for service in SERVICES:
        step(f"restart of {service}")
        stack.wait_healthy(_HEALTHY_WITHIN_S)
        _add(report, service, asyncio.run(_restart(stack, service, url, speech)))


async def _restart(stack: ComposeStack, service: str, url: str, speech: bytes) -> Restart:
    async with load(url, _KEY, speech, _CALLERS) as running:
        return await restart(stack, service, running)


def _add(report: Report, service: str, seen: Restart) -> None:
    lost = [*seen.lost, *seen.broken]
    in_flight = f"of {seen.in_flight} in flight at the signal, {_CALLERS} callers of each kind"
    told = "; ".join([in_flight, *lost[:1]])
    report.add(f"restart of {service}: lost", len(lost), "requests", 0, told)
    how = "from the signal until every kind of request is answered"
    report.add(f"restart of {service}: served again", seen.away_s, "s", 5, how)


def _speech(url: str) -> bytes:
    """A WAV file with a few words, by the stack itself."""
    body = {"model": "tts-1", "voice": "alloy", "input": _SPOKEN, "response_format": "wav"}
    headers = {"authorization": f"Bearer {_KEY}"}
    with httpx2.Client(trust_env=False, headers=headers, timeout=30) as client:
        response = client.post(f"{url}/tts/v1/audio/speech", json=body)
        response.raise_for_status()
        return response.content
