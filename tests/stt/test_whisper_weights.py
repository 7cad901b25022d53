"""Where the model comes from: any directory without a network, a repository with progress."""

import json
from pathlib import Path

import pytest

from parley_kit.downloads import Download
from parley_kit.errors import SettingsError
from parley_stt.app import create_app
from parley_stt.engines.whisper import weights
from parley_stt.engines.whisper.engine import FasterWhisperEngine
from parley_stt.settings import SttSettings
from tests.hub import hub
from tests.serving import serve, wait_until
from tests.stt.breakable import Stt, process
from tests.stt.recordings import WEATHER

UNREACHABLE = "http://127.0.0.1:9"


def environment(home: Path, hub_url: str, model: str) -> dict[str, str]:
    return {
        "STT_ENGINE": "faster-whisper",
        "STT_MODEL": model,
        "HF_HOME": str(home),
        "HF_ENDPOINT": hub_url,
        "HF_HUB_DISABLE_XET": "1",
    }


def download(stt: Stt) -> dict[str, float]:
    return stt.status["download"] or {"percent": 0}


def test_a_named_model_is_downloaded_with_its_progress_in_the_status_and_the_log(
    tmp_path: Path, whisper_folder: Path
) -> None:
    log = tmp_path / "log"
    with hub(whisper_folder) as there:
        variables = environment(tmp_path / "home", there.url, "test/whisper")
        with process(log, wait_for_ready=False, **variables) as (_, stt):
            wait_until(lambda: download(stt)["percent"] >= 40, 20, "half of it has come")
            assert download(stt)["percent"] < 80
            assert stt.status["state"] == "starting"
            assert stt.client.get("/readyz").status_code == 503
            assert stt.transcribe(WEATHER.read_bytes()).status_code == 503

            there.may_finish.set()
            wait_until(lambda: stt.client.get("/readyz").is_success, 20, "it is ready")
            assert download(stt)["percent"] == 100
            assert stt.transcribe(WEATHER.read_bytes(), model="test/whisper").status_code == 200
            assert stt.client.get("/stt/v1/models/test/whisper").json()["id"] == "test/whisper"
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    shares = [line["percent"] for line in lines if line["message"] == "downloading the model"]
    assert shares == sorted(shares)
    assert shares[-1] == 100


def test_a_download_that_hangs_keeps_nobody_from_stopping_the_service(
    tmp_path: Path, whisper_folder: Path
) -> None:
    with hub(whisper_folder) as there:
        variables = environment(tmp_path / "home", there.url, "test/whisper")
        with process(tmp_path / "log", wait_for_ready=False, **variables) as (service, stt):
            wait_until(lambda: download(stt)["percent"] >= 40, 20, "half of it has come")
            service.terminate()
            assert service.wait(5) == 0


def test_what_has_been_downloaded_once_needs_no_network(
    tmp_path: Path, whisper_folder: Path
) -> None:
    home = tmp_path / "home"
    with hub(whisper_folder) as there:
        there.may_finish.set()
        with process(tmp_path / "log", **environment(home, there.url, "test/whisper")):
            pass
    with process(tmp_path / "log", **environment(home, UNREACHABLE, "test/whisper")) as (_, stt):
        assert stt.transcribe(WEATHER.read_bytes()).status_code == 200


def test_a_directory_is_used_without_a_look_at_the_network(
    tmp_path: Path, whisper_folder: Path
) -> None:
    with hub(whisper_folder) as there:
        variables = environment(tmp_path / "home", there.url, str(whisper_folder))
        with process(tmp_path / "log", **variables) as (_, stt):
            assert stt.status["model"] == whisper_folder.name
            assert stt.status["download"] is None
            assert str(whisper_folder) not in stt.client.get("/stt/v1/models").text
        assert there.asked == 0


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("huge", "huge is no directory, no repository (owner/name) and no name of a Whisper model"),
        ("/not/there", "/not/there is no directory"),
        ("test/nothing", "test/nothing"),
        ("no spaces/allowed", "no spaces/allowed is no directory"),
    ],
)
def test_a_model_that_is_not_there_stops_the_start_with_a_sentence(
    tmp_path: Path, whisper_folder: Path, model: str, told: str
) -> None:
    log = tmp_path / "log"
    with hub(whisper_folder) as there:
        variables = environment(tmp_path / "home", there.url, model)
        with process(log, wait_for_ready=False, **variables) as (service, _):
            assert service.wait(20) == 1

    assert "stt could not start: STT_MODEL: " in log.read_text()
    assert told in log.read_text()


@pytest.mark.anyio
async def test_a_directory_without_a_model_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"lacks model\.bin, config\.json, tokenizer\.json\."):
        await weights.find(str(tmp_path), Download())


def test_a_broken_model_stops_the_start_with_a_sentence(
    tmp_path: Path, whisper_folder: Path
) -> None:
    for file in whisper_folder.iterdir():
        (tmp_path / file.name).write_bytes(
            file.read_bytes()[: 1000 if "bin" in file.name else None]
        )
    settings = SttSettings(allow_anonymous=True, engine="faster-whisper", model=str(tmp_path))
    service = create_app(settings)
    with serve(service):
        assert "cannot be loaded" in (service.health.reason or "")


def test_the_progress_of_a_download_is_logged_in_tenths(caplog: pytest.LogCaptureFixture) -> None:
    progress = Download()
    progress.total_bytes = 1_000_000
    with caplog.at_level("INFO", "parley.downloads"):
        for _ in range(1000):
            progress.advance(1000)

    assert len(caplog.records) == 10
    assert progress.status() == {"done_mb": 1.0, "total_mb": 1.0, "percent": 100}


def test_the_path_of_a_directory_that_is_not_there_is_no_name_of_a_model(tmp_path: Path) -> None:
    missing = tmp_path / "secret" / "whisper"
    engine = FasterWhisperEngine(SttSettings(engine="faster-whisper", model=str(missing)))

    assert engine.models[0] == "whisper"
