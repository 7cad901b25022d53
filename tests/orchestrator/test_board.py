"""The board: one memory for all processes of a worker, whatever becomes of one of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parley_orchestrator.board import Board, BoardFailed, Turn
from parley_orchestrator.errors import FailureKind
from parley_orchestrator.llm.breaker import Breaker
from tests.orchestrator.board_processes import (
    MANY,
    MEMBER,
    POLICY,
    admit,
    ask_a_broken_one,
    count_many,
    count_one,
    die_while_writing,
    fail_once,
    probe_and_die,
    race,
)


class Clock:
    """Seconds since the epoch, as the test says."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "board"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(path: Path, clock: Clock) -> Iterator[Board]:
    board = Board(path, clock=clock)
    yield board
    board.close()


@contextmanager
def closed_after(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the file."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Somebody is in the middle of a write."""
    with closed_after(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def open_breaker(board: Board) -> None:
    for _ in range(3):
        fail_once(board)


def test_one_failure_in_each_of_three_calls_at_a_time_opens_it_for_the_fourth(path: Path) -> None:
    assert race(path, ask_a_broken_one, ask_a_broken_one, ask_a_broken_one) == [1, 1, 1]

    assert race(path, ask_a_broken_one) == [0]


def test_processes_that_make_the_board_at_the_same_time_share_it(path: Path) -> None:
    race(path, *[count_one] * 6)

    again = Board(path)
    assert again.member(MEMBER).breaker.failures == 6
    again.close()


def test_of_processes_that_want_to_probe_together_one_does(
    path: Path, board: Board, clock: Clock
) -> None:
    clock.now = 0.0  # their own clocks are far past the cool-down
    open_breaker(board)

    tickets = race(path, admit, admit, admit, admit)

    assert sum(ticket is not None for ticket in tickets) == 1


def test_no_failure_is_lost_when_processes_count_at_the_same_time(path: Path, board: Board) -> None:
    race(path, count_many, count_many, count_many)

    report = board.member(MEMBER)
    assert report.breaker.failures == 3 * MANY
    assert report.failures[0].count == 3 * MANY


def test_a_process_that_dies_with_the_probe_blocks_it_until_the_lease_ends(
    path: Path, board: Board, clock: Clock
) -> None:
    clock.now = 0.0
    open_breaker(board)
    race(path, probe_and_die)
    lease_until = board.member(MEMBER).breaker.lease_until

    clock.now = lease_until - 0.1
    assert admit(board) is None

    clock.now = lease_until
    assert admit(board)


def test_a_process_that_dies_while_it_writes_leaves_what_was_there(
    path: Path, board: Board
) -> None:
    fail_once(board)

    race(path, die_while_writing)

    fail_once(board)
    assert board.member(MEMBER).breaker.failures == 2


def test_who_reads_does_not_wait_for_who_writes(path: Path, board: Board) -> None:
    fail_once(board)
    with writing(path):
        assert board.member(MEMBER).breaker.failures == 1
        assert board.turns(10) == ()


def test_who_writes_waits_for_another_a_moment_and_then_says_so(path: Path, board: Board) -> None:
    with writing(path), pytest.raises(BoardFailed, match="locked"):
        fail_once(board)

    fail_once(board)


def test_a_member_that_was_never_asked_is_available(board: Board) -> None:
    report = board.member("qwen")

    assert (report.state, report.failures, report.served) == ("closed", (), 0)


def test_the_state_follows_the_clock(board: Board, clock: Clock) -> None:
    open_breaker(board)
    assert board.member(MEMBER).state == "open"

    clock.now += POLICY.cooldown_s
    assert board.member(MEMBER).state == "half_open"


def test_the_latest_reason_comes_first(board: Board, clock: Clock) -> None:
    kinds: list[FailureKind] = ["timeout", "server", "timeout"]
    for kind in kinds:
        clock.now += 1
        board.add_failure(MEMBER, kind)

    failures = board.member(MEMBER).failures
    assert [(failure.kind, failure.count) for failure in failures] == [
        ("timeout", 2),
        ("server", 1),
    ]
    assert failures[0].at == clock.now


def test_it_knows_who_served_when_and_how_fast(board: Board, clock: Clock) -> None:
    board.add_served(MEMBER, 0.9)
    clock.now += 1
    board.add_served(MEMBER, 0.4)

    report = board.member(MEMBER)
    assert (report.served, report.served_at, report.ttft_s) == (2, clock.now, 0.4)


def test_who_served_and_the_breaker_do_not_disturb_each_other(board: Board) -> None:
    fail_once(board)
    board.add_served(MEMBER, 0.4)
    fail_once(board)

    report = board.member(MEMBER)
    assert (report.breaker.failures, report.served) == (2, 1)


def test_the_latest_turns_are_kept_the_oldest_of_them_first(board: Board) -> None:
    turns = [Turn(float(n), "call", "qwen", {"llm_s": n / 10}) for n in range(600)]
    for turn in turns:
        board.add_turn(turn)

    assert board.turns(2) == tuple(turns[-2:])
    assert board.turns(1_000) == tuple(turns[100:])


def test_what_one_process_wrote_the_next_one_finds(path: Path, board: Board) -> None:
    board.add_turn(Turn(1.0, "call", "qwen"))
    board.close()

    again = Board(path)
    assert again.turns(1) == (Turn(1.0, "call", "qwen"),)
    again.close()


def test_a_change_that_fails_changes_nothing(board: Board) -> None:
    def change(_breaker: Breaker, _now: float) -> tuple[Breaker, None]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        board.update(MEMBER, change)

    assert board.member(MEMBER).breaker == Breaker()


@pytest.mark.parametrize("content", [b"not a database, " * 100, b"SQLite format 3\0" + b"\1" * 500])
def test_a_file_that_is_something_else_is_refused_and_left_alone(
    path: Path, content: bytes
) -> None:
    path.write_bytes(content)

    with pytest.raises(BoardFailed, match="remove this one"):
        Board(path)

    assert path.read_bytes() == content


def test_somebody_elses_database_is_refused_and_left_alone(path: Path) -> None:
    with closed_after(path) as other:
        other.execute("CREATE TABLE patient (name)")
    before = path.read_bytes()

    with pytest.raises(BoardFailed, match="not a board"):
        Board(path)

    assert path.read_bytes() == before


def test_a_board_of_another_version_is_refused(path: Path, board: Board) -> None:
    with closed_after(path) as other:
        other.execute("PRAGMA user_version = 99")

    with pytest.raises(BoardFailed, match="not a board of this version"):
        Board(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BoardFailed, match="missing/board"):
        Board(tmp_path / "missing" / "board")


def test_an_empty_file_becomes_a_board(path: Path) -> None:
    path.touch()

    board = Board(path)
    assert board.turns(1) == ()
    board.close()


def test_a_closed_board_says_so(board: Board) -> None:
    board.close()

    with pytest.raises(BoardFailed):
        board.member(MEMBER)
