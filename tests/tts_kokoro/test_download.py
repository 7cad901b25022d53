"""A model by name: downloaded once, with progress in the status; then no network is needed."""

import shutil
from pathlib import Path
from typing import Any

import httpx2
import pytest

from parley.bench import random_kokoro
from parley_tts.app import create_app
from tests.hub import hub
from tests.serving import serve, wait_until
from tests.tts_kokoro.conftest import settings

UNREACHABLE = "http://127.0.0.1:9"


@pytest.mark.usefixtures("on_onnx")
def test_a_named_model_is_downloaded_once_and_exported_in_the_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shutil.copytree(folder, tmp_path / "model", ignore=shutil.ignore_patterns("parley-*"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with hub(model, "test/kokoro") as there:
        there.may_finish.set()
        monkeypatch.setenv("HF_ENDPOINT", there.url)
        status = started("test/kokoro")
        assert status["download"]["percent"] == 100
        assert status["model"] == "test/kokoro"
    monkeypatch.setenv("HF_ENDPOINT", UNREACHABLE)

    assert started("test/kokoro")["state"] == "ready"
    assert len(list((tmp_path / "home").rglob("parley-*.onnx"))) == 1
    assert next((tmp_path / "home").rglob(random_kokoro.WEIGHTS)).is_file()


def test_a_model_that_is_not_there_stops_the_start_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_ENDPOINT", UNREACHABLE)
    app = create_app(settings(Path("test/nothing")))
    with serve(app, wait_for_ready=False):
        wait_until(lambda: app.health.reason, 60, "it gives up")

        assert (app.health.reason or "").startswith("TTS_MODEL: test/nothing is not in the cache")


def started(name: str) -> Any:
    """The status of a service once it is ready."""
    app = create_app(settings(Path(name)))
    with serve(app, wait_for_ready=False) as url, httpx2.Client(base_url=url) as client:
        wait_until(lambda: app.health.ready or app.health.reason, 120, "it is ready")
        assert app.health.ready, app.health.reason
        return client.get("/status").json()
