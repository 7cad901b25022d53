"""One STT service for all tests that do not need to break theirs."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from parley.bench import random_whisper
from parley_stt.app import create_app
from parley_stt.settings import SttSettings
from tests.serving import serve

MAX_AUDIO_S = 60


@pytest.fixture(scope="session")
def stt_url() -> Iterator[str]:
    with serve(create_app(SttSettings(allow_anonymous=True, max_audio_s=MAX_AUDIO_S))) as url:
        yield f"{url}/stt/v1"


@pytest.fixture(scope="session")
def client(stt_url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=stt_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def whisper_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Whisper model with made-up weights."""
    return random_whisper.write(tmp_path_factory.mktemp("models") / "made-up-whisper")
