"""One STT service for all tests that do not need to break theirs."""

from collections.abc import Iterator

import httpx2
import pytest

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
