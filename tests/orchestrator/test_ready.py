"""What a process asks for before a call, and that no caller waits for a service that hangs."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley_kit.settings import load
from parley_orchestrator.persona import load_persona
from parley_orchestrator.phrases import Phrases
from parley_orchestrator.ready import Ready, Worker, prepare
from parley_orchestrator.settings import OrchestratorSettings
from tests.orchestrator.contract.asking import until
from tests.tts.breakable import service

pytestmark = pytest.mark.anyio

NOBODY = "http://127.0.0.1:9"


def worker_at(url: str, board: Path) -> Worker:
    settings = load(OrchestratorSettings, llm_chain="qwen", openai_base_url=url, tts_voice="kal16")
    return Worker(settings, load_persona("healthcare"), board)


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}"


async def test_speech_services_that_hang_cost_a_caller_one_look(
    black_hole: str, tmp_path: Path
) -> None:
    ready = Ready(worker_at(black_hole, tmp_path), Phrases(["One moment."]))
    begun = time.monotonic()
    await ready.find_routes()

    assert time.monotonic() - begun < 1.9  # two looks, one after the other, are two seconds
    assert (ready.realtime, ready.streaming) == ("unknown", "unknown")


async def test_phrases_are_not_waited_for_where_nobody_answers(
    black_hole: str, tmp_path: Path
) -> None:
    begun = time.monotonic()
    ready = await prepare(worker_at(black_hole, tmp_path), within_s=60)

    assert time.monotonic() - begun < 10
    assert len(ready.phrases.missing) == len(ready.phrases.texts)


async def test_what_was_missing_is_fetched_in_a_call_once_its_greeting_was_heard(
    tmp_path: Path,
) -> None:
    ready = await prepare(worker_at(NOBODY, tmp_path), within_s=5)
    assert ready.phrases.missing
    ready.phrases = Phrases(["One moment.", "Sorry."])

    with service() as served:
        ready.worker = worker_at(served.url, tmp_path)
        await ready.find_routes()
        greeted = asyncio.Event()
        fetching = asyncio.create_task(ready.fetch_missing_phrases(greeted.wait()))
        await asyncio.sleep(0)
        before = served.begun
        greeted.set()
        await until(lambda: not ready.phrases.missing)
        fetching.cancel()
        await asyncio.wait({fetching})

    assert (ready.streaming, before) == ("yes", [])
