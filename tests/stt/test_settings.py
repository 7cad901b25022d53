"""Settings that cannot work stop the start with a sentence."""

import pytest

from parley_kit.errors import SettingsError
from parley_kit.settings import load
from parley_stt.app import create_app
from parley_stt.settings import SttSettings


def test_a_file_of_openais_size_fits() -> None:
    assert load(SttSettings).max_body_bytes > 26_214_400


def test_workers_that_would_idle_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STT_WORKERS", "8")

    with pytest.raises(SettingsError, match="STT_WORKERS above STT_MAX_CONCURRENCY"):
        load(SttSettings)


def test_settings_of_an_engine_that_is_not_chosen_are_mentioned(
    caplog: pytest.LogCaptureFixture,
) -> None:
    create_app(SttSettings(allow_anonymous=True, model="small", beam_size=5))

    assert "STT_BEAM_SIZE, STT_MODEL: unused, because STT_ENGINE is pocketsphinx" in caplog.text
