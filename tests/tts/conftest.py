"""One TTS service for each embedded engine, for all tests that do not need to break theirs.

Flite is a library of the system: Debian's package `libflite1`. Where it is not installed, the
tests of flite fail and say so; they are not skipped, because it is what the stack sounds like.
"""

from collections.abc import Iterator

import httpx2
import pytest

from parley_tts.app import create_app
from parley_tts.engines.espeak import EspeakSynthesiser
from parley_tts.engines.flite import FliteSynthesiser
from parley_tts.settings import TtsSettings
from tests.serving import serve
from tests.tts.embedded import Embedded

MODELS = {"flite": "flite", "espeak": "espeak-ng"}


@pytest.fixture(scope="session", params=["flite", "espeak"])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine, as `TTS_ENGINE` takes it."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def tts_url(engine: str) -> Iterator[str]:
    settings = TtsSettings(allow_anonymous=True, engine=engine)
    app = create_app(settings)
    with serve(app) as url:
        assert app.health.ready, app.health.reason
        yield f"{url}/tts/v1"


@pytest.fixture(scope="session")
def client(tts_url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=tts_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def flite_() -> FliteSynthesiser:
    """Outside of a service."""
    loaded = FliteSynthesiser()
    loaded.load()
    return loaded


@pytest.fixture(scope="session")
def espeak_() -> EspeakSynthesiser:
    """Outside of a service."""
    loaded = EspeakSynthesiser()
    loaded.load()
    return loaded


@pytest.fixture(params=["flite_", "espeak_"])
def synthesiser(request: pytest.FixtureRequest) -> Embedded:
    """Each of the embedded engines, outside of a service."""
    loaded: Embedded = request.getfixturevalue(request.param)
    return loaded
