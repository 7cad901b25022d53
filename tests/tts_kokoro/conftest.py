"""A small Kokoro model with made-up weights, loaded once on each runtime, and served once."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from parley.bench import random_kokoro
from parley_tts.app import create_app
from parley_tts.engines.kokoro.synthesiser import KokoroSynthesiser
from parley_tts.settings import TtsSettings
from tests.serving import serve
from tests.tts_kokoro import spacy_package

_DEPRECATED = ("torch", "transformers", "kokoro", "spacy", "thinc", "weasel", "jieba", "fugashi")
"""Packages that warn of each other; elsewhere a warning is an error."""


def pytest_configure(config: pytest.Config) -> None:
    for package in _DEPRECATED:
        for category in ("DeprecationWarning", "FutureWarning", "UserWarning"):
            config.addinivalue_line("filterwarnings", rf"ignore::{category}:{package}\b.*")
    # misaki's, which Python takes for one of importlib's own.
    config.addinivalue_line("filterwarnings", "ignore:open_text:DeprecationWarning")


def settings(folder: Path, **fields: object) -> TtsSettings:
    """For a model on the CPU; the runtime is ONNX's."""
    return TtsSettings.model_validate(
        {"allow_anonymous": True, "engine": "kokoro", "model": str(folder), "device": "cpu"}
        | fields
    )


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's directory; whoever loads it first exports it."""
    return random_kokoro.write(tmp_path_factory.mktemp("kokoro") / "small")


@pytest.fixture(scope="session", params=["onnx", "torch"])
def synthesiser(request: pytest.FixtureRequest, folder: Path) -> Iterator[KokoroSynthesiser]:
    """The model on each runtime."""
    loaded = KokoroSynthesiser(settings(folder, runtime=request.param))
    loaded.load()
    yield loaded
    loaded.close()


@pytest.fixture(scope="session")
def on_onnx(folder: Path) -> Iterator[KokoroSynthesiser]:
    loaded = KokoroSynthesiser(settings(folder, runtime="onnx"))
    loaded.load()
    yield loaded
    loaded.close()


@pytest.fixture(scope="session")
def url(folder: Path, on_onnx: KokoroSynthesiser) -> Iterator[str]:
    """A service, on what `on_onnx` has exported."""
    app = create_app(settings(folder, cache_mb=0))
    with serve(app) as url:
        assert app.health.ready, app.health.reason
        yield url


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def spacy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return spacy_package.install(tmp_path_factory.mktemp("spacy"))


@pytest.fixture
def spacy_model(spacy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """While a test runs, the spaCy model that misaki wants is installed."""
    monkeypatch.syspath_prepend(spacy_folder)
    yield spacy_folder
    sys.modules.pop("en_core_web_sm", None)
