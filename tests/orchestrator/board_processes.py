"""Processes that use one board at the same time, as the calls of a worker do."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NoReturn

from parley_orchestrator.board import Board
from parley_orchestrator.llm.breaker import BreakerPolicy, Ticket, admitted, failed
from tests.orchestrator.talking import Talk, broken, sure

POLICY = BreakerPolicy()
MEMBER = "gemini"
MANY = 30
_WITHIN_S = 60.0

Job = Callable[[Board], object]


def race(path: Path, *jobs: Job) -> list[Any]:
    """What each job returned, None of one whose process died; each has a process of its own.

    All of them open the board together, and when all have it they go on together.
    """
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Barrier(len(jobs))
    pipes = [spawn.Pipe(duplex=False) for _ in jobs]
    processes = [
        spawn.Process(target=_run, args=(path, job, gate, writer))
        for job, (_, writer) in zip(jobs, pipes, strict=True)
    ]
    for process, (_, writer) in zip(processes, pipes, strict=True):
        process.start()
        writer.close()
    results = [_received(reader) for reader, _ in pipes]
    for process in processes:
        process.join(_WITHIN_S)
        process.close()
    return results


def admit(board: Board) -> Ticket | None:
    return board.update(MEMBER, lambda breaker, now: admitted(breaker, now, POLICY))


def fail_once(board: Board) -> None:
    ticket = admit(board)
    assert ticket
    board.add_failure(MEMBER, "server")
    board.update(MEMBER, lambda breaker, now: (failed(breaker, ticket, now, POLICY), None))


def ask_a_broken_one(board: Board) -> int:
    """One turn of a call; how often the first member was asked in it."""
    first = broken()
    assert asyncio.run(Talk(board, first, sure()).ask()) == "Until five."
    return len(first.asked_at)


def count_one(board: Board) -> None:
    """A failure of a breaker that never opens."""
    count(board, 1)


def count_many(board: Board) -> None:
    """Many of them, one after the other."""
    count(board, MANY)


def count(board: Board, times: int) -> None:
    patient = BreakerPolicy(failures_to_open=1_000_000)
    for _ in range(times):
        board.add_failure(MEMBER, "server")
        board.update(MEMBER, lambda breaker, now: (failed(breaker, Ticket(0), now, patient), None))


def probe_and_die(board: Board) -> NoReturn:
    assert admit(board)
    die()


def die_while_writing(board: Board) -> NoReturn:
    board.update(MEMBER, lambda breaker, now: die())
    raise AssertionError("it is dead")


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it is dead")


def _run(path: Path, job: Job, gate: Barrier, writer: Connection) -> None:
    gate.wait(_WITHIN_S)
    board = Board(path)
    gate.wait(_WITHIN_S)
    result = job(board)
    board.close()
    writer.send(result)
    writer.close()


def _received(reader: Connection) -> object:
    with reader:
        assert reader.poll(_WITHIN_S), "a process neither answers nor dies"
        try:
            return reader.recv()
        except EOFError:
            return None
