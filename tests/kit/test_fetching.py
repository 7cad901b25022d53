"""Models are fetched by a process of their own: how far it is, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

import parley_llm.fetch
import parley_stt.fetch
import parley_tts.fetch
from parley_kit.errors import SettingsError
from parley_kit.fetching import INTERRUPTED, REFUSED, THERE
from parley_llm.settings import LlmSettings
from parley_stt.settings import SttSettings
from parley_tts.settings import TtsSettings
from tests.gateway.behind import faulty
from tests.hub import hub
from tests.serving import error_of, wait_until
from tests.stt.breakable import is_gone

UNREACHABLE = "http://127.0.0.1:9"
ENDS_WITHIN_S = 20


class Fetch:
    """A process that fetches, and what it says."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def get(self, path: str) -> httpx2.Response:
        port = next(line["port"] for line in self.lines if "port" in line)
        return httpx2.get(f"http://127.0.0.1:{port}{path}")

    @property
    def percent(self) -> int:
        if '"port": ' not in self.log:
            return -1
        share: int = self.get("/readyz").json().get("download", {"percent": -1})["percent"]
        return share

    def end(self) -> int:
        return self.process.wait(ENDS_WITHIN_S)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("model.bin", "config.json", "tokenizer.json", "README.md"):
        (folder / name).write_text(name)
    return folder


@contextmanager
def fetching(
    home: Path, endpoint: str, *command: str, service: str = "stt", **settings: str
) -> Iterator[Fetch]:
    log = home.with_name("log")
    environment = {
        "PATH": os.environ["PATH"],
        "LISTEN_PORT": "0",
        "STT_ENGINE": "faster-whisper",
        "STT_MODEL": "test/whisper",
        "HF_HOME": str(home),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_XET": "1",
        **settings,
    }
    arguments = command or (f"parley_{service}.fetch",)
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", *arguments], stderr=stderr, env=environment
        ) as process,
    ):
        try:
            yield Fetch(process, log)
        finally:
            process.kill()


def test_how_far_it_is_can_be_asked_and_is_logged_and_it_ends_when_all_is_there(
    tmp_path: Path, model: Path
) -> None:
    with hub(model) as there, fetching(tmp_path / "home", there.url) as fetch:
        wait_until(lambda: fetch.percent >= 30, 20, "a third of it has come")
        ready = fetch.get("/stt/readyz")
        there.may_finish.set()
        ended = fetch.end()

    assert ready.status_code == 503
    assert ready.headers["retry-after"]
    assert ready.json()["error"]["code"] == "not_ready"
    assert ready.json()["download"]["total_mb"] == 60.0
    assert 30 <= ready.json()["download"]["percent"] <= 50
    assert ended == THERE
    shares = [line["percent"] for line in fetch.lines if "percent" in line]
    assert shares[0] == 0
    assert shares[-1] == 100
    assert shares == sorted(shares)  # type: ignore[type-var]  # they are numbers
    found = {file.name for file in (tmp_path / "home").rglob("snapshots/*/*")}
    assert found == {"model.bin", "config.json", "tokenizer.json", "vocabulary.ballast"}


def test_whatever_else_is_asked_of_it_is_not_ready(tmp_path: Path, model: Path) -> None:
    asked = {"/stt/v1/audio/transcriptions": "POST", "/v1/models": "GET", "/x": "DELETE"}
    with hub(model) as there, fetching(tmp_path / "home", there.url) as fetch:
        wait_until(lambda: fetch.percent >= 30, 20, "a third of it has come")
        url = str(fetch.get("/livez").url).removesuffix("/livez")
        answers = [httpx2.request(method, url + path) for path, method in asked.items()]
        alive = httpx2.get(f"{url}/livez")

    assert [answer.status_code for answer in answers] == [503] * 3
    assert all(answer.headers["retry-after"] for answer in answers)
    assert [error_of(answer)["code"] for answer in answers] == ["not_ready"] * 3
    assert alive.status_code == 200


@contextmanager
def fetched(tmp_path: Path, model: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    with hub(model) as there:
        there.may_finish.set()
        with fetching(home, there.url) as fetch:
            assert fetch.end() == THERE
        yield home


def test_what_is_there_is_not_asked_for_again(tmp_path: Path, model: Path) -> None:
    with fetched(tmp_path, model) as home, hub(model) as there:
        with fetching(home, there.url) as fetch:
            assert fetch.end() == THERE

        assert there.asked == 0


def test_half_of_a_model_is_not_taken_for_all_of_it(tmp_path: Path, model: Path) -> None:
    home = tmp_path / "home"
    with hub(model) as there:
        with fetching(home, there.url) as fetch:
            wait_until(lambda: fetch.percent >= 30, 20, "a third of it has come")
            fetch.process.kill()
        with fetching(home, UNREACHABLE, HF_HUB_OFFLINE="1") as fetch:
            assert fetch.end() == REFUSED
        there.may_finish.set()
        with fetching(home, there.url) as fetch:
            assert fetch.end() == THERE

    assert len(list(home.rglob("snapshots/*/vocabulary.ballast"))) == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("test/nothing", "STT_MODEL: there is no model test/nothing to download"),
        ("huge", "STT_MODEL: huge is no directory, no repository (owner/name) and no name"),
    ],
)
def test_a_model_that_cannot_be_had_is_told_in_a_sentence(
    tmp_path: Path, model: Path, name: str, told: str
) -> None:
    with hub(model) as there, fetching(tmp_path / "home", there.url, STT_MODEL=name) as fetch:
        assert fetch.end() == REFUSED

    assert fetch.log.count(told) == 1
    assert "Traceback" not in fetch.log


@pytest.mark.parametrize("service", ["stt", "tts", "llm"])
def test_where_nothing_has_to_be_fetched_it_ends_at_once(tmp_path: Path, service: str) -> None:
    engines = {"STT_ENGINE": "pocketsphinx", "TTS_ENGINE": "flite", "LLM_ENGINE": "scripted"}
    with fetching(tmp_path / "home", UNREACHABLE, service=service, **engines) as fetch:
        assert fetch.end() == THERE

    assert "nothing to download" in fetch.log


def test_a_server_that_is_not_ours_finds_its_file_where_it_looks(
    tmp_path: Path, model: Path
) -> None:
    link = tmp_path / "home" / "llama.gguf"
    command = ("parley_kit.fetch_file", "llm", "test/whisper", "model.bin", str(link))
    link.parent.mkdir()
    with hub(model) as there, fetching(tmp_path / "home", there.url, *command) as fetch:
        ended = fetch.end()

    assert ended == THERE
    assert link.read_text() == "model.bin"


def test_a_path_is_for_the_service_alone_to_look_at() -> None:
    own = "/models/of-my-own"

    assert parley_stt.fetch.wanted(SttSettings(engine="faster-whisper", model=own)) is None
    assert parley_tts.fetch.wanted(TtsSettings(engine="kokoro", model=own)) is None
    assert parley_llm.fetch.wanted(LlmSettings(engine="vllm", model=own)) is None


def test_each_service_fetches_what_its_settings_name() -> None:
    stt = parley_stt.fetch.wanted(SttSettings(engine="faster-whisper", model="small"))
    tts = parley_tts.fetch.wanted(TtsSettings(engine="kokoro"))
    small = parley_llm.fetch.wanted(LlmSettings(engine="vllm", gpu_memory_gb="24"))
    large = parley_llm.fetch.wanted(LlmSettings(engine="vllm", gpu_memory_gb="80"))
    own = parley_llm.fetch.wanted(LlmSettings(engine="vllm", model="Qwen/Qwen3-8B"))

    assert [found and found.repository for found in (stt, tts, small, large, own)] == [
        "Systran/faster-whisper-small",
        "hexgrad/Kokoro-82M",
        "Qwen/Qwen2.5-7B-Instruct-AWQ",
        "Qwen/Qwen2.5-7B-Instruct",
        "Qwen/Qwen3-8B",
    ]
    with pytest.raises(SettingsError, match="LLM_MODEL: qwen is no directory and no repository"):
        parley_llm.fetch.wanted(LlmSettings(engine="vllm", model="qwen"))


def test_a_signal_ends_it_in_the_middle_and_no_service_takes_that_for_success(
    tmp_path: Path, model: Path
) -> None:
    with hub(model) as there, fetching(tmp_path / "home", there.url) as fetch:
        wait_until(lambda: fetch.percent >= 30, 20, "a third of it has come")
        children = Path(f"/proc/{fetch.process.pid}/task/{fetch.process.pid}/children")
        (child,) = map(int, children.read_text().split())
        fetch.process.send_signal(signal.SIGTERM)

        assert fetch.process.wait(5) == INTERRUPTED
        assert is_gone(child)


def test_a_hub_that_says_nothing_keeps_nobody_from_ending_it(tmp_path: Path) -> None:
    over, asked = threading.Event(), threading.Event()

    def say_nothing(connection: socket.socket) -> None:
        asked.set()
        over.wait(30)

    with faulty(say_nothing) as where:
        with fetching(tmp_path / "home", f"http://{where}") as fetch:
            assert asked.wait(20)
            assert fetch.get("/readyz").status_code == 503
            fetch.process.send_signal(signal.SIGTERM)
            ended = fetch.process.wait(5)
        over.set()

    assert ended == INTERRUPTED
