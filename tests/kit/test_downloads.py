"""What is downloaded, how often it is tried, and how far it is."""

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from parley.bench.ports import free_port
from parley_kit import downloads, fetch_file
from parley_kit.downloads import Download, Patience, Wanted
from parley_kit.errors import SettingsError
from parley_llm.fetch import wanted as wanted_by_llm
from parley_llm.settings import LlmSettings
from parley_tts.fetch import wanted as wanted_by_tts
from parley_tts.settings import TtsSettings
from tests.gateway.behind import faulty
from tests.hub import Hub, hub
from tests.serving import wait_until

WANTED = Wanted("test/model", ("*.json", "*.bin"), "STT_MODEL")
IMPATIENT = Patience(stalled_s=20, pauses_s=(0.01, 0.01))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    return home


def point_at(there: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    there.may_finish.set()
    monkeypatch.setenv("HF_ENDPOINT", there.url)


def repository(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return folder


def files_in(directory: Path) -> set[str]:
    return {str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file()}


LLM = LlmSettings(engine="vllm", model="test/model")
BESIDE = ("config.json", "tokenizer.json", "merges.txt", "chat_template.jinja")
UNWANTED = ("README.md", "original/model.safetensors", "original/params.json", "model.gguf")


@pytest.mark.parametrize(
    ("weights", "taken"),
    [
        (("model-1.safetensors", "model-2.safetensors", "pytorch_model.bin"), 2),
        (("consolidated.safetensors", "model-1.safetensors", "model-2.safetensors"), 1),
        (("pytorch_model-1.bin", "pytorch_model-2.bin", "old.pt"), 2),
        (("model.pt",), 1),
    ],
)
@pytest.mark.anyio
async def test_of_a_language_model_come_the_files_that_vllm_reads(
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    weights: tuple[str, ...],
    taken: int,
) -> None:
    folder = repository(tmp_path / "model", *BESIDE, *UNWANTED, *weights)
    wanted = wanted_by_llm(LLM)
    assert wanted
    with hub(folder, "test/model") as there:
        point_at(there, monkeypatch)
        directory = await downloads.fetch(wanted, Download())
        asked = there.asked
        again = await downloads.fetch(wanted, Download())

        assert there.asked == asked
    assert files_in(directory) == {*BESIDE, *weights[:taken]}
    assert again == directory


@pytest.mark.anyio
async def test_a_repository_without_weights_is_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = wanted_by_llm(LLM)
    assert wanted
    with hub(repository(tmp_path / "model", *BESIDE, *UNWANTED), "test/model") as there:
        point_at(there, monkeypatch)
        with pytest.raises(SettingsError, match=r"LLM_MODEL: test/model lacks consolidated.* or"):
            await downloads.fetch(wanted, Download())


@pytest.mark.anyio
async def test_of_a_voice_model_come_its_voices_too(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = wanted_by_tts(TtsSettings(engine="kokoro", model="test/model"))
    assert wanted
    names = ("config.json", "kokoro.pth", "voices/af_sky.pt", "voices/am_adam.pt")
    folder = repository(tmp_path / "model", *names, "samples/a.wav", "README.md")
    with hub(folder, "test/model") as there:
        point_at(there, monkeypatch)

        assert files_in(await downloads.fetch(wanted, Download())) == {*names}


@pytest.mark.anyio
async def test_a_hub_that_is_away_is_asked_again(
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    port, patience = free_port(), Patience(pauses_s=(0.1,) * 100)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    folder = repository(tmp_path / "model", "config.json", "a.bin")
    fetch = asyncio.ensure_future(downloads.fetch(WANTED, Download(), patience))
    warned = "test/model could not be downloaded"
    await asyncio.to_thread(wait_until, lambda: warned in caplog.messages, 20, "it has failed")
    with hub(folder, "test/model", port=port):
        directory = await asyncio.wait_for(fetch, 20)

    assert files_in(directory) == {"config.json", "a.bin"}


@pytest.mark.anyio
async def test_it_is_not_asked_for_ever(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(SettingsError) as refusal:
        await downloads.fetch(WANTED, Download(), IMPATIENT)

    assert str(refusal.value) == (
        "STT_MODEL: test/model is not in the cache and could not be downloaded in 3 attempts: the "
        "hub cannot be reached (ConnectError). Start again with a way to the hub, or give the "
        "directory of a model."
    )


@pytest.mark.anyio
async def test_a_hub_that_says_nothing_is_given_up(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    with faulty(lambda connection: over.wait(30)) as where:
        monkeypatch.setenv("HF_ENDPOINT", f"http://{where}")
        patience = Patience(stalled_s=0.2, pauses_s=(0.01,))
        with pytest.raises(SettingsError, match=r"in 2 attempts: nothing has come for 0\.2 s\."):
            await downloads.fetch(WANTED, Download(), patience)
        over.set()


@pytest.mark.anyio
async def test_without_a_way_out_what_is_not_there_is_not_waited_for(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(SettingsError, match="not in the cache, and HF_HUB_OFFLINE forbids"):
        await downloads.fetch(WANTED, Download())


@pytest.mark.anyio
async def test_what_killed_downloads_have_left_is_removed_and_what_others_write_is_not(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = cache / "hub" / "models--test--model" / "blobs"
    blobs.mkdir(parents=True)
    left, written = blobs / "a.1.incomplete", blobs / "b.2.incomplete"
    left.touch()
    written.touch()
    os.utime(left, (time.time() - 3600,) * 2)
    with hub(repository(tmp_path / "model", "config.json", "a.bin"), "test/model") as there:
        point_at(there, monkeypatch)
        await downloads.fetch(WANTED, Download())

    assert (left.exists(), written.exists()) == (False, True)


@pytest.mark.anyio
async def test_what_was_killed_a_moment_before_a_success_is_removed_at_the_next_start(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub(repository(tmp_path / "model", "config.json", "a.bin"), "test/model") as there:
        point_at(there, monkeypatch)
        directory = await downloads.fetch(WANTED, Download())
    blobs = directory.parents[1] / "blobs"
    left, written = blobs / "a.1.incomplete", blobs / "b.2.incomplete"
    left.touch()
    written.touch()
    os.utime(left, (time.time() - 3600,) * 2)

    assert await downloads.fetch(WANTED, Download()) == directory
    assert (left.exists(), written.exists()) == (False, True)
    assert files_in(directory) == {"config.json", "a.bin"}


def test_an_attempt_that_follows_another_goes_on_counting() -> None:
    download = Download()
    download.begin(100_000_000)
    download.advance(70_000_000)
    download.begin(60_000_000)  # one of two files is there

    assert download.status() == {"done_mb": 40.0, "total_mb": 100.0, "percent": 40}
    download.finish()
    assert download.status() == {"done_mb": 100.0, "total_mb": 100.0, "percent": 100}


def test_a_download_is_done_when_all_of_it_is() -> None:
    download = Download()
    download.begin(1000)
    download.advance(999)

    assert (download.status() or {})["percent"] == 99


def test_a_link_leads_to_the_file_wherever_the_volume_is_mounted(tmp_path: Path) -> None:
    volume = repository(tmp_path / "volume", "hub/1/model.gguf", "hub/2/model.gguf")
    link = volume / "llama.gguf"
    for version in ("1", "2"):
        fetch_file.place(volume / "hub" / version / "model.gguf", link)

        assert link.read_text() == f"hub/{version}/model.gguf"
    moved = volume.rename(tmp_path / "elsewhere")
    assert (moved / "llama.gguf").read_text() == "hub/2/model.gguf"
    assert {file.name for file in moved.iterdir()} == {"hub", "llama.gguf"}


def test_a_file_that_the_repository_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"has no file model\.gguf"):
        fetch_file.place(tmp_path / "model.gguf", tmp_path / "link")
