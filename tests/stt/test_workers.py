"""The pool of worker processes, without HTTP around it."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from parley_kit import processes
from parley_stt.engines.pocketsphinx_protocol import Ask, question
from parley_stt.engines.workers import NoWorker, WorkerError, WorkerPool
from tests.serving import wait_until
from tests.stt.breakable import is_gone

WORKER = "parley_stt.engines.pocketsphinx_child"
HISS = question(Ask.WHOLE, bytes(range(256)) * 100)

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def workers(size: int, patience_s: float = 10.0) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(WORKER, size, patience_s)
    try:
        await pool.start()
        yield pool
    finally:
        await pool.close()


async def test_a_module_that_cannot_run_is_an_error_at_the_start() -> None:
    pool = WorkerPool("parley_stt.no_such_module", 2, 10)

    with pytest.raises(WorkerError, match="status 1"):
        await pool.start()
    await pool.close()


async def test_more_questions_than_workers_are_all_answered_alike() -> None:
    async with workers(1) as pool:
        answers = await asyncio.gather(*(pool.ask(HISS) for _ in range(5)))

    assert len(set(answers)) == 1
    assert isinstance(json.loads(answers[0]), list)


async def test_a_worker_that_hangs_is_killed() -> None:
    async with workers(1, patience_s=0.5) as pool:
        (worker,) = pool.pids
        os.kill(worker, signal.SIGSTOP)

        with pytest.raises(WorkerError, match="did not answer"):
            await pool.ask(HISS)
        wait_until(lambda: is_gone(worker), 2, "it is killed")


async def test_who_finds_no_free_worker_in_time_is_told() -> None:
    async with workers(1, patience_s=0.5) as pool:
        os.kill(pool.pids[0], signal.SIGSTOP)
        first = asyncio.create_task(pool.ask(HISS))
        await asyncio.sleep(0)

        with pytest.raises(NoWorker):
            await pool.ask(HISS)
        with pytest.raises(WorkerError):
            await first


async def test_who_is_cancelled_has_the_worker_replaced() -> None:
    async with workers(1) as pool:
        before = pool.pids
        asking = asyncio.create_task(pool.ask(HISS))
        await asyncio.sleep(0)

        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        assert await pool.ask(HISS)
        assert pool.pids != before


async def test_a_borrowed_worker_is_nobody_elses_until_it_is_given_back() -> None:
    async with workers(1) as pool:
        before = pool.pids
        async with pool.lend() as worker:
            asking = asyncio.create_task(pool.ask(HISS))
            await worker.ask(question(Ask.BEGIN))
            assert not asking.done()

        assert await asking
        assert pool.pids == before


async def test_a_worker_that_owes_an_answer_is_not_given_back() -> None:
    async with workers(1) as pool:
        (before,) = pool.pids
        async with pool.lend() as worker:
            asking = asyncio.create_task(worker.ask(HISS))
            await asyncio.sleep(0)

        with pytest.raises(WorkerError):
            await asking
        assert await pool.ask(HISS)
        assert pool.pids != [before]


def test_a_child_is_given_no_keys() -> None:
    kept = processes.environment({"API_KEYS": "k", "OPENAI_API_KEY": "k", "PATH": "/bin"})

    assert kept == {"PATH": "/bin"}
