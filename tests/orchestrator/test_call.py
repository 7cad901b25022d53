"""A call as it is put together: nothing of it leaves the house, and nothing is left of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from livekit.agents import AgentSession, JobContext, inference
from livekit.agents.utils import http_context

from parley_kit.settings import load
from parley_orchestrator import worker
from parley_orchestrator.board import Board
from parley_orchestrator.build import create_chain
from parley_orchestrator.call import LastServed, create_session
from parley_orchestrator.llm.events import Served, Unanswered
from parley_orchestrator.persona import load_persona
from parley_orchestrator.phrases import Phrases
from parley_orchestrator.ready import Ready, Worker
from parley_orchestrator.settings import OrchestratorSettings

pytestmark = pytest.mark.anyio

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
async def _http() -> AsyncIterator[None]:
    """As in a job of LiveKit's."""
    async with http_context.open():
        yield


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    settings = load(OrchestratorSettings, llm_chain="qwen", openai_base_url=NOBODY)
    of = Worker(settings, load_persona("healthcare"), tmp_path / "board")
    return Ready(of, Phrases(()), realtime="no", streaming="no")


@pytest.mark.parametrize("resumes", [True, False])
async def test_who_speaks_and_who_has_finished_is_decided_here(
    ready: Ready, resumes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where LiveKit is in a mode in which it would ask its cloud."""
    for name, value in {
        "LIVEKIT_DEV_MODE": "1",
        "LIVEKIT_URL": "wss://project.livekit.cloud",
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "s" * 32,
    }.items():
        monkeypatch.setenv(name, value)
    board = Board(ready.worker.board)
    chain = create_chain(ready.worker.settings, board)
    session = create_session(ready, chain, LastServed(), resumes=resumes)

    assert isinstance(session.turn_detection, inference.TurnDetector)
    assert session.turn_detection.model == "turn-detector-v1-mini"
    assert isinstance(session.vad, inference.VAD)
    assert session.options.interruption["mode"] == "vad"
    await session.aclose()
    await chain.close()
    board.close()


@dataclass
class Context:
    """As much of a job as a call asks for."""

    ready: Ready
    room: object = None
    ends: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    @property
    def proc(self) -> Any:
        return self

    @property
    def userdata(self) -> dict[str, Ready]:
        return {"parley_ready": self.ready}

    @property
    def job(self) -> Any:
        return self

    @property
    def id(self) -> str:
        return "job-1"

    def is_fake_job(self) -> bool:
        return False

    def add_shutdown_callback(self, end: Callable[[], Awaitable[None]]) -> None:
        self.ends.append(end)


class Refused(Exception):
    """LiveKit does not start the session."""


async def test_nothing_is_recorded_whatever_the_server_wants_and_a_call_that_fails_is_closed(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    async def start(self: AgentSession[None], agent: object, **options: object) -> None:
        asked.update(options)
        raise Refused

    monkeypatch.setattr(AgentSession, "start", start)
    context = Context(ready)
    with pytest.raises(Refused):
        await worker.entry(cast(JobContext, context))

    assert asked["record"] is False
    assert context.ends == []


async def test_who_answered_is_nobody_once_a_question_had_no_answer() -> None:
    last = LastServed()
    last(Served("gemini", 0.1, 0.1))
    served = last.member
    last(Unanswered("timeout", 1.5))

    assert (served, last.member) == ("gemini", "")


async def test_a_call_waits_for_no_phrase(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    started = asyncio.Event()

    async def start(self: AgentSession[None], agent: object, **options: object) -> None:
        started.set()
        raise Refused

    monkeypatch.setattr(AgentSession, "start", start)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        settings = load(OrchestratorSettings, llm_chain="qwen", openai_base_url=url)
        ready.worker = replace(ready.worker, settings=settings)
        ready.phrases = Phrases(ready.worker.persona.phrases)
        call = asyncio.create_task(worker.entry(cast(JobContext, Context(ready))))
        await asyncio.wait_for(started.wait(), 5)
        with pytest.raises(Refused):
            await call
