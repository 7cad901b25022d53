"""Voices by their files, hardware by what there is, directories by what is in them."""

import json
import sys
from pathlib import Path

import pytest

from parley_kit.downloads import Download
from parley_kit.errors import SettingsError
from parley_tts.engines.kokoro import hardware, voices, weights
from parley_tts.engines.kokoro.hardware import Hardware, Machine, choose
from parley_tts.engines.kokoro.weights import find
from parley_tts.settings import TtsSettings

ALL = tuple(language.tag for language in voices.LANGUAGES)


def test_all_54_voices_are_told_by_their_names() -> None:
    found = {voice.id: voice for voice in voices.catalogue(voices.OF_KOKORO_V1, ALL)}

    assert len(found) == 54
    assert (found["bm_fable"].name, found["bm_fable"].language) == (
        "Fable (British English)", "en-GB",
    )  # fmt: skip
    assert found["bm_fable"].gender == "male"
    assert {voice.language for voice in found.values()} == set(ALL)


def test_other_files_and_other_languages_are_no_voices() -> None:
    assert voices.catalogue(["af", "xf_a", "ax_a", "readme", "jf_a"], ["en-US"]) == []


def test_openais_voices_are_their_namesakes() -> None:
    names = voices.openai_voices(voices.catalogue(voices.OF_KOKORO_V1, ALL))

    assert len(names) == 13
    assert {name: names[name] for name in ("alloy", "echo", "fable", "nova", "onyx")} == {
        "alloy": "af_alloy", "echo": "am_echo", "fable": "bm_fable", "nova": "af_nova",
        "onyx": "am_onyx",
    }  # fmt: skip
    assert len(set(names.values())) == 13


@pytest.mark.parametrize(
    ("present", "fable", "nova"),
    [
        (["af_sky", "am_adam", "bm_lewis"], "bm_lewis", "af_sky"),
        (["af_sky", "am_adam"], "am_adam", "af_sky"),
        (["zf_001", "zm_001"], "zm_001", "zf_001"),
        (["zf_001"], "zf_001", "zf_001"),
    ],
)
def test_who_is_missing_has_a_stand_in(present: list[str], fable: str, nova: str) -> None:
    names = voices.openai_voices(voices.catalogue(present, ALL))

    assert (names["fable"], names["nova"]) == (fable, nova)


@pytest.mark.parametrize(
    ("fields", "cuda", "chosen"),
    [
        ({}, False, ("onnx", "cpu", 1, 8)),
        ({}, True, ("torch", "cuda", 1, 8)),
        ({"device": "cpu"}, True, ("onnx", "cpu", 1, 8)),
        ({"runtime": "onnx"}, True, ("onnx", "cpu", 1, 8)),
        ({"runtime": "torch"}, False, ("torch", "cpu", 1, 8)),
        ({"workers": 3}, False, ("onnx", "cpu", 3, 2)),
        ({"workers": 16, "threads": 1}, False, ("onnx", "cpu", 16, 1)),
    ],
)
def test_what_fits_the_machine_is_chosen(
    fields: dict[str, object], cuda: bool, chosen: tuple[str, str, int, int]
) -> None:
    settings = TtsSettings.model_validate(fields)

    assert choose(settings, Machine(cuda, True, 8)) == Hardware(*chosen)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"device": "cuda"}, "TTS_DEVICE=cuda: no CUDA device is visible."),
        ({"device": "cuda", "runtime": "onnx"}, "TTS_RUNTIME=onnx runs on the CPU"),
        ({"runtime": "onnx"}, "the package onnxruntime is not installed"),
    ],
)
def test_what_the_machine_cannot_do_is_refused(fields: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        choose(TtsSettings.model_validate(fields), Machine(False, False, 8))


def test_without_onnx_runtime_torch_is_taken_and_why_is_said() -> None:
    chosen = choose(TtsSettings(), Machine(False, False, 8))

    assert chosen.runtime == "torch"
    assert "onnxruntime" in chosen.why


@pytest.mark.parametrize(
    ("runtime", "has_onnx"), [("auto", True), ("auto", False), ("torch", True)]
)
def test_a_gpu_that_torch_cannot_use_is_left_alone_and_why_is_said(
    runtime: str, has_onnx: bool
) -> None:
    settings = TtsSettings.model_validate({"runtime": runtime})
    chosen = choose(settings, Machine(True, has_onnx, 8, "torch is too old"))

    assert chosen.device == "cpu"
    assert chosen.runtime == ("onnx" if (runtime, has_onnx) == ("auto", True) else "torch")
    assert chosen.why.startswith("the CUDA device is not used: torch is too old")
    assert ("onnxruntime" in chosen.why) is not has_onnx


def test_a_gpu_that_is_asked_for_is_not_left_alone() -> None:
    chosen = choose(TtsSettings(device="cuda"), Machine(True, True, 8, "torch is too old"))

    assert chosen == Hardware("torch", "cuda", 1, 8)


@pytest.mark.parametrize(
    ("built_for", "driver", "told"),
    [
        ("None", 13, "no torch that is built for CUDA is installed"),
        ("'13.0'", 12, "torch is built for CUDA 13.0, and the driver is for CUDA 12"),
        ("'12.8'", 12, ""),
        ("'12.8'", 13, ""),
    ],
)
def test_whether_torch_can_use_a_gpu_is_known_without_importing_it(
    built_for: str, driver: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("raise AssertionError('torch was imported')")
    (tmp_path / "torch/version.py").write_text(f"cuda = {built_for}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(hardware, "_cuda_driver", lambda: (1, driver))

    assert hardware.probe().why_not_cuda == told


def model(folder: Path, **config: object) -> Path:
    (folder / "voices").mkdir()
    for name in ("voices/af_sky.pt", "a.pth"):
        (folder / name).write_bytes(b"")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.anyio
async def test_a_whole_directory_is_a_model(tmp_path: Path) -> None:
    files = await find(str(model(tmp_path, vocab={"a": 43})), Download())

    assert files.weights.name == "a.pth"
    assert list(files.voices) == ["af_sky"]
    assert files.vocabulary == {"a": 43}
    assert weights.voices_in(str(tmp_path)) == ["af_sky"]
    assert weights.served_name(str(tmp_path)) == tmp_path.name


@pytest.mark.anyio
async def test_the_digest_is_that_of_all_files(tmp_path: Path) -> None:
    def changed(name: str) -> None:
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b" ")

    files = await find(str(model(tmp_path, vocab={"a": 43})), Download())
    digests = {files.digest()}
    for name in ("config.json", "a.pth", "voices/af_sky.pt"):
        changed(name)
        digests.add(files.digest())

    assert len(digests) == 4


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("config.json", "it lacks config.json."),
        ("a.pth", r"it lacks \*.pth."),
        ("voices/af_sky.pt", "it lacks voices/"),
    ],
)
async def test_a_directory_that_lacks_something_says_what(
    tmp_path: Path, broken: str, told: str
) -> None:
    (model(tmp_path, vocab={}) / broken).unlink()

    with pytest.raises(SettingsError, match=told):
        await find(str(tmp_path), Download())


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("config", "told"),
    [("{", "is no JSON"), ("{}", "no vocabulary"), ('{"vocab": {"a": "b"}}', "no vocabulary")],
)
async def test_a_config_that_is_none_says_so(tmp_path: Path, config: str, told: str) -> None:
    (model(tmp_path) / "config.json").write_text(config)

    with pytest.raises(SettingsError, match=told):
        await find(str(tmp_path), Download())


@pytest.mark.anyio
async def test_two_files_of_weights_are_one_too_many(tmp_path: Path) -> None:
    (model(tmp_path, vocab={}) / "b.pth").write_bytes(b"")

    with pytest.raises(SettingsError, match=r"more than one file of weights: a\.pth, b\.pth"):
        await find(str(tmp_path), Download())


@pytest.mark.anyio
async def test_what_is_neither_directory_nor_repository_is_refused() -> None:
    with pytest.raises(SettingsError, match="TTS_MODEL: /not/there is no directory and no repo"):
        await find("/not/there", Download())
