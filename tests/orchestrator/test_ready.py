"""What a process asks for before a call, and that no caller waits for a service that hangs."""

import socket
import time
from pathlib import Path

from parley_kit.settings import load
from parley_orchestrator.persona import load_persona
from parley_orchestrator.phrases import Phrases
from parley_orchestrator.ready import Ready, Worker
from parley_orchestrator.settings import OrchestratorSettings
from tests.tts.breakable import service


def ready_for(url: str, board: Path) -> Ready:
    settings = load(OrchestratorSettings, llm_chain="qwen", openai_base_url=url, tts_voice="kal16")
    worker = Worker(settings, load_persona("healthcare"), board)
    return Ready(worker, Phrases(["One moment.", "Sorry."]), realtime="no")


def test_a_speech_service_that_hangs_costs_a_caller_two_looks(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        ready = ready_for(f"http://127.0.0.1:{black_hole.getsockname()[1]}", tmp_path)
        begun = time.monotonic()
        ready.complete(within_s=60)

    assert time.monotonic() - begun < 20
    assert not ready.is_complete


def test_what_was_missing_is_there_once_the_service_is(tmp_path: Path) -> None:
    ready = ready_for("http://127.0.0.1:9", tmp_path)
    ready.complete(within_s=5)
    assert not ready.is_complete

    with service() as served:
        ready.worker = ready_for(served.url, tmp_path).worker
        ready.complete(within_s=5)

    assert (ready.streaming, ready.is_complete) == ("yes", True)
