"""An admin page over a board of a test's own."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from parley_kit.app import Service
from parley_kit.settings import load
from parley_orchestrator.admin.app import create_app
from parley_orchestrator.admin.settings import AdminSettings
from parley_orchestrator.board import Board, Turn
from parley_orchestrator.errors import FailureKind
from parley_orchestrator.llm import breaker
from parley_orchestrator.llm.breaker import BreakerPolicy
from parley_orchestrator.settings import OrchestratorSettings

NOBODY = "http://127.0.0.1:9"
"""A port on which nobody listens."""


@contextmanager
def board() -> Iterator[Board]:
    with tempfile.TemporaryDirectory() as folder:
        board = Board(Path(folder) / "board.sqlite")
        try:
            yield board
        finally:
            board.close()


def admin_app(
    board: Board,
    *,
    chain: str = "gemini,qwen",
    stack: str = NOBODY,
    api_keys: str = "",
    max_pages: int = 16,
    calls_on: Callable[[], int] = lambda: 0,
    **settings: object,
) -> Service:
    """Looks at the services ten times a second."""
    orchestrator = load(
        OrchestratorSettings,
        llm_chain=chain,
        gemini_api_key="g",
        openai_base_url=stack,
        realtime_base_url="wss://realtime.example/v1",
        **settings,
    )
    admin = load(
        AdminSettings,
        api_keys=api_keys,
        openai_api_key="",
        allow_anonymous=not api_keys,
        probe_interval_s=0.1,
        probe_timeout_s=1.0,
        max_concurrency=max_pages,
    )
    return create_app(orchestrator, admin, board, calls_on, registered())


def registered() -> asyncio.Event:
    """Of a worker that LiveKit's server has taken."""
    taken = asyncio.Event()
    taken.set()
    return taken


def fail(board: Board, member: str, kind: FailureKind, times: int = 1) -> None:
    """Failed attempts, as the chain notes them."""
    policy = BreakerPolicy()
    for _ in range(times):
        board.add_failure(member, kind)

        def change(before: breaker.Breaker, now: float) -> tuple[breaker.Breaker, breaker.Breaker]:
            admitted, ticket = breaker.insisted(before, now, policy)
            after = breaker.failed(admitted, ticket, now, policy)
            return after, after

        board.update(member, change)


def turn(at: float, *, call: str = "call-1", member: str = "qwen", **stages: float) -> Turn:
    return Turn(at, call, member, stages)
