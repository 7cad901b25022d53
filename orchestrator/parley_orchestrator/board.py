"""What all processes of one worker know together: breakers, failures, who served, latencies.

LiveKit gives each call a process of its own, so this is a file: SQLite with a write-ahead log,
which readers never wait for, and without a flush to the disk, because a worker that starts again
may start afresh.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from parley_orchestrator.errors import FailureKind, OrchestratorError
from parley_orchestrator.llm.breaker import Breaker, State, state
from parley_orchestrator.persona import Excuse

_T = TypeVar("_T")

_APPLICATION = 0x5061726C  # SQLite's mark of whose file it is
_VERSION = 2
_WAIT_S = 0.25
_WAIT_TO_CREATE_S = 5.0
_TURNS_KEPT = 500

_TABLES = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
CREATE TABLE member (
    name TEXT PRIMARY KEY, generation INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, cooldown_s REAL NOT NULL DEFAULT 0,
    open_until REAL NOT NULL DEFAULT 0, lease INTEGER NOT NULL DEFAULT 0,
    lease_until REAL NOT NULL DEFAULT 0, served INTEGER NOT NULL DEFAULT 0,
    served_at REAL, ttft_s REAL
) WITHOUT ROWID;
CREATE TABLE failure (
    member TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (member, kind)
) WITHOUT ROWID;
CREATE TABLE turn (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, call TEXT NOT NULL, member TEXT NOT NULL,
    stages TEXT NOT NULL
);
CREATE TABLE excuse (kind TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = tuple(column.name for column in fields(Breaker))
_BREAKER = ", ".join(_COLUMNS)


class BoardFailed(OrchestratorError):
    """The board cannot be read or written; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of one kind: how many there were, and when the last (seconds, the epoch)."""

    kind: FailureKind
    count: int
    at: float


@dataclass(frozen=True, slots=True)
class MemberReport:
    """What is known of one member of the chain.

    Args:
        state: as of now.
        failures: each kind that occurred, the latest first; `failures[0]` is the last reason.
        served: how many answers it began.
        served_at: when it last began one, seconds since the epoch.
        ttft_s: of that one.
    """

    name: str
    state: State
    breaker: Breaker
    failures: tuple[Failures, ...] = ()
    served: int = 0
    served_at: float | None = None
    ttft_s: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """How long one turn took.

    Args:
        at: when it ended, seconds since the epoch.
        call: an identifier of the call, nothing of its content.
        member: who answered, as in `LLM_CHAIN`; empty for nobody.
        stages: seconds by the name of the stage.
    """

    at: float
    call: str
    member: str
    stages: Mapping[str, float] = field(default_factory=dict)


class Board:
    """One connection to the file; usable from any thread, not carried over a fork.

    Each call takes a fraction of a millisecond. A write waits for the write of another process,
    a quarter of a second at most.

    Args:
        path: made if it is missing; not on a network's file system.
        clock: seconds since the epoch.

    Raises:
        BoardFailed: the file cannot be made, or is something else; every method raises it if
            the file cannot be used any more.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        with self._explained():
            self._db = sqlite3.connect(
                path, timeout=_WAIT_TO_CREATE_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def update(self, member: str, change: Callable[[Breaker, float], tuple[Breaker, _T]]) -> _T:
        """Apply `change(breaker, now)` while no other process does, and return its second value."""
        with self._transaction() as db:
            before = _breaker(db, member)
            after, outcome = change(before, self._clock())
            if after != before:
                _store(db, member, after)
        return outcome

    def add_failure(self, member: str, kind: FailureKind) -> None:
        """Note that an attempt failed, whether or not the breaker counts it."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO failure VALUES (?, ?, 1, ?) ON CONFLICT (member, kind)"
                " DO UPDATE SET count = count + 1, at = excluded.at",
                (member, kind, self._clock()),
            )

    def add_served(self, member: str, ttft_s: float) -> None:
        """Note that an answer began."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO member (name, served, served_at, ttft_s) VALUES (?, 1, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET served = served + 1,"
                " served_at = excluded.served_at, ttft_s = excluded.ttft_s",
                (member, self._clock(), ttft_s),
            )

    def add_turn(self, turn: Turn) -> None:
        """Note a turn; the latest 500 are kept."""
        row = (turn.at, turn.call, turn.member, json.dumps(dict(turn.stages)))
        with self._transaction() as db:
            added = db.execute(
                "INSERT INTO turn (at, call, member, stages) VALUES (?, ?, ?, ?)", row
            )
            db.execute("DELETE FROM turn WHERE id <= ?", ((added.lastrowid or 0) - _TURNS_KEPT,))

    def add_excuse(self, kind: Excuse) -> None:
        """Note what a caller was told in place of an answer, or before a late one."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO excuse VALUES (?, 1)"
                " ON CONFLICT (kind) DO UPDATE SET count = count + 1",
                (kind,),
            )

    def member(self, name: str) -> MemberReport:
        """What is known of `name`; of one that was never asked, that its breaker is closed."""
        found = self._query(
            f"SELECT served, served_at, ttft_s, {_BREAKER} FROM member WHERE name = ?", (name,)
        )
        failures = self._query(
            "SELECT kind, count, at FROM failure WHERE member = ? ORDER BY at DESC", (name,)
        )
        served, served_at, ttft_s, *columns = found[0] if found else (0, None, None)
        current = Breaker(**dict(zip(_COLUMNS, columns, strict=True))) if columns else Breaker()
        return MemberReport(
            name,
            state(current, self._clock()),
            current,
            tuple(Failures(cast(FailureKind, kind), count, at) for kind, count, at in failures),
            served,
            served_at,
            ttft_s,
        )

    def excuses(self) -> Mapping[str, int]:
        """How often each was made; those that never were are left out."""
        return dict(self._query("SELECT kind, count FROM excuse", ()))

    def turns(self, limit: int) -> tuple[Turn, ...]:
        """The latest turns, the oldest of them first."""
        rows = self._query(
            "SELECT at, call, member, stages FROM turn ORDER BY id DESC LIMIT ?", (limit,)
        )
        return tuple(
            Turn(at, call, member, json.loads(stages)) for at, call, member, stages in rows[::-1]
        )

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA synchronous = OFF")
        with self._transaction() as db:
            if _is_empty(db):
                for statement in _TABLES.split(";"):
                    db.execute(statement)
            elif _mark(db) != (_APPLICATION, _VERSION):
                raise BoardFailed(
                    f"{self._path} is not a board of this version: remove it, or name another file"
                )
        self._log_writes_ahead()
        self._db.execute(f"PRAGMA busy_timeout = {_WAIT_S * 1000:.0f}")

    def _log_writes_ahead(self) -> None:
        """Switch the mode of the file; SQLite does not wait for others who are about to."""
        deadline = time.monotonic() + _WAIT_TO_CREATE_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _query(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._explained(), self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained(), self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise BoardFailed(
                f"the worker's board {self._path} cannot be used ({error}):"
                " name a file that can be written, or remove this one"
            ) from error


def _is_empty(db: sqlite3.Connection) -> bool:
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return not tables and _mark(db) == (0, 0)


def _mark(db: sqlite3.Connection) -> tuple[int, int]:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return application, version


def _breaker(db: sqlite3.Connection, member: str) -> Breaker:
    row = db.execute(f"SELECT {_BREAKER} FROM member WHERE name = ?", (member,)).fetchone()
    return Breaker(**dict(zip(_COLUMNS, row, strict=True))) if row else Breaker()


def _store(db: sqlite3.Connection, member: str, breaker: Breaker) -> None:
    values = [getattr(breaker, column) for column in _COLUMNS]
    db.execute(
        f"INSERT INTO member (name, {_BREAKER}) VALUES (?, ?, ?, ?, ?, ?, ?)"
        f" ON CONFLICT (name) DO UPDATE SET ({_BREAKER}) = (?, ?, ?, ?, ?, ?)",
        (member, *values, *values),
    )
