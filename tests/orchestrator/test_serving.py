"""A worker that cannot go on ends, and says what to look at."""

import os
import signal

import pytest
from livekit.agents import AgentServer, JobContext
from livekit.agents.worker import ServerEnvOption

from parley_orchestrator.serving import serve

pytestmark = pytest.mark.anyio


async def take_call(_: JobContext) -> None:
    """None comes."""


def server(url: str, *, max_retry: int = 0) -> AgentServer:
    one = AgentServer(
        ws_url=url,
        api_key="key",
        api_secret="s" * 32,
        max_retry=max_retry,
        host="127.0.0.1",
        port=0,
        num_idle_processes=ServerEnvOption(0, 0),
    )
    one.rtc_session(take_call)
    return one


async def test_a_worker_that_no_server_takes_gives_up_in_a_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = server("ws://127.0.0.1:9")

    assert await serve(worker) == 1

    (said,) = [line for line in caplog.messages if line.startswith("the worker gives up")]
    assert "LIVEKIT_URL" in said


async def test_a_worker_that_is_asked_to_stop_while_it_waits_for_its_server_stops() -> None:
    before = signal.getsignal(signal.SIGTERM)
    worker = server("ws://127.0.0.1:9", max_retry=16)
    worker.once("worker_started", lambda: os.kill(os.getpid(), signal.SIGTERM))

    assert await serve(worker) == 0

    assert signal.getsignal(signal.SIGTERM) is before
