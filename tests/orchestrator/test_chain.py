"""The chain: who answers, when, and what a caller never gets."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley_orchestrator.board import Board
from parley_orchestrator.llm.chain import Chain
from parley_orchestrator.llm.chat import Item, Text
from tests.orchestrator.scripted import FOREVER, QUESTION, Fail, Scripted, text_of
from tests.orchestrator.virtual_time import run

OK = (Text("We are "), Text("open."))


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path / "board", clock=lambda: asyncio.get_running_loop().time())
    yield board
    board.close()


async def answer(chain: Chain) -> list[Item]:
    return [item async for item in chain.stream(QUESTION)]


def test_the_first_member_answers(board: Board) -> None:
    first, last = Scripted("gemini", OK), Scripted("qwen", OK)

    assert text_of(run(answer(Chain([first, last], board)))) == "We are open."

    assert not last.asked_at


def test_a_member_that_hangs_is_replaced_at_the_end_of_the_budget(board: Board) -> None:
    first, last = Scripted("gemini", (FOREVER,)), Scripted("qwen", OK)

    assert text_of(run(answer(Chain([first, last], board)))) == "We are open."

    assert last.asked_at[0] - first.asked_at[0] == pytest.approx(1.5)


def test_three_failures_in_a_row_open_it(board: Board) -> None:
    first, last = Scripted("gemini", (Fail("server"),)), Scripted("qwen", OK)
    chain = Chain([first, last], board)

    run(answer(chain))
    run(answer(chain))

    assert len(first.asked_at) == 3
    assert len(last.asked_at) == 2
