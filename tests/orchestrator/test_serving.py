"""A worker ends when it cannot go on or is asked to stop, and not before its callers do."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable

import pytest
from livekit.agents import AgentServer, JobContext, JobExecutorType
from livekit.agents.worker import ServerEnvOption
from livekit.protocol import agent
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_sockets

from parley_orchestrator.serving import serve
from parley_orchestrator.worker import Calls, load_of, registration
from tests.orchestrator.contract.asking import until

pytestmark = pytest.mark.anyio


async def take_call(_: JobContext) -> None:
    """None comes."""


def server(
    url: str,
    *,
    max_retry: int = 0,
    take_call: Callable[[JobContext], Awaitable[None]] = take_call,
) -> AgentServer:
    one = AgentServer(
        ws_url=url,
        api_key="key",
        api_secret="s" * 32,
        max_retry=max_retry,
        host="127.0.0.1",
        port=0,
        num_idle_processes=ServerEnvOption(0, 0),
        job_executor_type=JobExecutorType.THREAD,
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


async def take_workers(connection: ServerConnection) -> None:
    """As LiveKit's server: every worker is welcome."""
    await connection.recv()
    welcome = agent.ServerMessage(register=agent.RegisterWorkerResponse(worker_id="one"))
    await connection.send(welcome.SerializeToString())
    await connection.wait_closed()


async def test_a_worker_is_taken_when_its_server_says_so() -> None:
    async with serve_sockets(take_workers, "127.0.0.1", 0) as livekit:
        port = livekit.sockets[0].getsockname()[1]
        worker = server(f"ws://127.0.0.1:{port}", max_retry=16)
        taken = registration(worker)
        serving = asyncio.create_task(serve(worker))
        before = taken.is_set()
        await asyncio.wait_for(taken.wait(), 20)
        os.kill(os.getpid(), signal.SIGTERM)

        assert not before
        assert await asyncio.wait_for(serving, 30) == 0


async def test_a_worker_that_is_asked_to_stop_waits_for_the_call_that_is_on() -> None:
    begun, ends = threading.Event(), threading.Event()

    async def talk(context: JobContext) -> None:
        begun.set()
        await asyncio.to_thread(ends.wait, 30)
        context.shutdown("the caller hung up")

    worker = server("ws://127.0.0.1:9", max_retry=16, take_call=talk)
    started = asyncio.Event()
    worker.once("worker_started", started.set)
    calls = Calls(worker)
    serving = asyncio.create_task(serve(worker))
    await started.wait()
    await worker.simulate_job("room", fake_job=True)
    await until(begun.is_set)
    told = calls.count(), load_of(4, worker)
    os.kill(os.getpid(), signal.SIGTERM)
    await until(lambda: worker.draining)
    done, _ = await asyncio.wait({serving}, timeout=0.3)
    ends.set()

    assert told == (1, 0.25)
    assert not done
    assert await asyncio.wait_for(serving, 30) == 0
