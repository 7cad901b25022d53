"""How a model gets ready: found, exported once, loaded; and what it says where it cannot."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from parley.bench import random_kokoro
from parley_kit.errors import SettingsError
from parley_tts.engines.kokoro import exporting, hardware
from parley_tts.engines.kokoro.loading import Abandoned
from parley_tts.engines.kokoro.synthesiser import KokoroSynthesiser
from tests.serving import wait_until
from tests.tts_kokoro.conftest import settings
from tests.tts_kokoro.speech import say

_TORCHLESS = """
import sys
from parley_tts.engine import Manner
from parley_tts.engines.kokoro.synthesiser import KokoroSynthesiser
from parley_tts.settings import TtsSettings
from parley_tts.traced import Traced

kokoro = KokoroSynthesiser(TtsSettings(engine="kokoro", model=sys.argv[1], device="cpu"))
kokoro.load()
for voice in kokoro.voices:
    how = Manner(((voice.id, 1.0),), language=voice.language)
    assert len(kokoro.synthesise(kokoro.phonemise(Traced.of("25 [a](/a/)"), how), how).samples)
kokoro.close()
print(kokoro.status()["runtime"], kokoro.status()["languages"]["en-US"], "torch" in sys.modules)
"""


def copy(folder: Path, to: Path) -> Path:
    """Of a model, without what was exported of it."""
    return shutil.copytree(folder, to / folder.name, ignore=shutil.ignore_patterns("parley-*"))


def loaded(folder: Path, **fields: object) -> KokoroSynthesiser:
    synthesiser = KokoroSynthesiser(settings(folder, **fields))
    try:
        synthesiser.load()
    finally:
        synthesiser.close()
    return synthesiser


def refusal(folder: Path, **fields: object) -> str:
    with pytest.raises(SettingsError) as refused:
        loaded(folder, **fields)
    return str(refused.value)


@pytest.mark.usefixtures("on_onnx")
def test_an_export_is_made_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("it was exported again")

    monkeypatch.setattr(exporting, "_made", fail)

    assert loaded(folder).status()["runtime"] == "onnx"
    assert not list(folder.glob(".exporting-*"))


@pytest.mark.usefixtures("on_onnx")
@pytest.mark.parametrize("with_spacy", [False, True])
def test_on_onnx_runtime_torch_is_not_in_the_process(
    folder: Path, spacy_folder: Path, with_spacy: bool
) -> None:
    path = {"PYTHONPATH": str(spacy_folder)} if with_spacy else {}
    run = subprocess.run(
        [sys.executable, "-c", _TORCHLESS, str(folder)],
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    english = "read by misaki" if with_spacy else "read by espeak-ng, because spaCy's"
    assert run.stdout.startswith(f"onnx {english}")
    assert run.stdout.endswith(" False\n")


def test_an_export_of_other_weights_is_not_used(folder: Path, tmp_path: Path) -> None:
    """Nor is one half written, nor is anything left when it cannot be made."""
    model = copy(folder, tmp_path)
    for export in folder.glob("parley-*"):
        shutil.copy(export, model)
    weights = model / random_kokoro.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1000])

    assert refusal(model) == f"TTS_MODEL: {weights.name} cannot be loaded."
    assert not list(model.glob(".exporting-*"))


def test_without_a_place_beside_the_weights_an_export_lives_as_long_as_the_engine(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = copy(folder, tmp_path)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != model and access(path, mode))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    synthesiser = KokoroSynthesiser(settings(model, runtime="onnx"))
    synthesiser.load()
    assert len(say(synthesiser, "Hello.").samples)
    assert not list(model.glob("parley-*"))
    synthesiser.close()

    assert not list((tmp_path / "scratch").glob("parley-kokoro-*"))


def test_where_there_is_no_exporting_torch_speaks_and_says_why(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = copy(folder, tmp_path)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))

    assert refusal(model, runtime="onnx") == "TTS_RUNTIME=onnx: there is nowhere to write to."
    status = loaded(model).status()
    assert status["runtime"] == "torch"
    assert status["runtime_note"] == "there is nowhere to write to"


@pytest.mark.usefixtures("on_onnx")
def test_a_gpu_for_which_torch_is_not_built_is_left_alone_and_said_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hardware, "_cuda_driver", lambda: (1, 13))
    why = "the CUDA device is not used: no torch that is built for CUDA is installed"
    status = loaded(folder, device="auto").status()

    assert (status["runtime"], status["device"]) == ("onnx", "cpu")
    assert status["runtime_note"] == why
    assert f"Kokoro runs on the cpu: {why}" in caplog.messages
    assert "this torch sees no CUDA device" in refusal(folder, device="cuda")


def test_closing_ends_an_export_that_is_under_way(folder: Path, tmp_path: Path) -> None:
    model = copy(folder, tmp_path)
    synthesiser = KokoroSynthesiser(settings(model))
    ended: list[BaseException] = []

    def load() -> None:
        try:
            synthesiser.load()
        except Abandoned as exc:
            ended.append(exc)

    thread = threading.Thread(target=load)
    thread.start()
    wait_until(lambda: list(model.glob(".exporting-*")), 60, "it exports")
    started = time.monotonic()
    synthesiser.close()
    thread.join(10)

    assert ended
    assert time.monotonic() - started < 5
    assert not list(model.glob(".exporting-*"))
    assert not list(model.glob("parley-*"))


def test_a_load_after_closing_does_nothing(folder: Path) -> None:
    synthesiser = KokoroSynthesiser(settings(folder))
    synthesiser.close()

    with pytest.raises(Abandoned):
        synthesiser.load()


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_weights_of_another_shape_are_refused(folder: Path, tmp_path: Path, runtime: str) -> None:
    model = copy(folder, tmp_path)
    config = json.loads((model / "config.json").read_text())
    config["plbert"]["hidden_size"] = 128
    (model / "config.json").write_text(json.dumps(config))

    assert refusal(model, runtime=runtime) == (
        f"TTS_MODEL: the sizes in {random_kokoro.WEIGHTS} are not those of its config.json."
    )


def test_weights_that_lack_a_part_are_refused(folder: Path, tmp_path: Path) -> None:
    model = copy(folder, tmp_path)
    weights = torch.load(model / random_kokoro.WEIGHTS, weights_only=True)
    del weights["decoder"]
    torch.save(weights, model / random_kokoro.WEIGHTS)

    assert "parts are missing, 0 have no place" in refusal(model, runtime="torch")


def test_weights_that_would_run_code_are_refused(folder: Path, tmp_path: Path) -> None:
    model = copy(folder, tmp_path)
    torch.save(Evil(), model / random_kokoro.WEIGHTS)

    assert "cannot be loaded" in refusal(model, runtime="torch")
    assert not Path("evil").exists()


class Evil:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("evil",)


@pytest.mark.parametrize(
    ("styles", "told"),
    [
        (torch.zeros(510, 256), "voices/af_sky.pt has no styles of a Kokoro voice"),
        (torch.zeros(10, 1, 256), "voices/af_sky.pt has the shape (10, 256)"),
        (torch.full((510, 1, 256), float("nan")), "or is not finite"),
    ],
)
def test_a_voice_that_is_none_is_refused(
    folder: Path, tmp_path: Path, styles: torch.Tensor, told: str
) -> None:
    model = copy(folder, tmp_path)
    torch.save(styles, model / "voices/af_sky.pt")

    assert told in refusal(model, runtime="torch")


def test_voices_of_languages_that_cannot_be_read_are_not_offered(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pyopenjtalk", "jieba"):
        monkeypatch.setitem(sys.modules, module, None)
    for module in ("misaki.ja", "misaki.zh"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    synthesiser = loaded(folder, runtime="torch")

    assert {voice.language for voice in synthesiser.voices}.isdisjoint({"ja", "zh-CN"})
    assert {"ja", "zh-CN"}.isdisjoint(synthesiser.languages)
    notes = synthesiser.status()["languages"]
    assert isinstance(notes, dict)
    assert notes["ja"] == "not available: the package pyopenjtalk is not installed"
