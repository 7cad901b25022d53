"""What is fetched beforehand is what vLLM itself takes from a repository."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from parley_kit import downloads
from parley_kit.downloads import Download
from parley_llm.fetch import wanted
from parley_llm.settings import LlmSettings
from tests.hub import hub

SHARDS = ("model-1-of-2.safetensors", "model-2-of-2.safetensors")
REPOSITORIES = {
    "shards": (*SHARDS, "pytorch_model.bin", "original/model.safetensors"),
    "mistral": (*SHARDS, "consolidated.safetensors"),
    "old": ("pytorch_model.bin", "older.pt"),
    "oldest": ("model.pt",),
}
READ = {
    "shards": [*SHARDS],
    "mistral": ["consolidated.safetensors"],
    "old": ["pytorch_model.bin"],
    "oldest": ["model.pt"],
}
# In a process of its own: what vLLM imports warns.
_TAKEN = """
import json, sys
from pathlib import Path
from vllm.config.load import LoadConfig
from vllm.model_executor.model_loader.default_loader import DefaultModelLoader
def taken(directory):
    files = DefaultModelLoader(LoadConfig())._prepare_weights(directory, None, None, True, None)[1]
    return sorted(Path(file).name for file in files)
print(json.dumps([taken(directory) for directory in sys.argv[1:]]))
"""


def test_vllm_finds_the_weights_that_it_would_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {name: repository(tmp_path / name, files) for name, files in REPOSITORIES.items()}
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    fetched = {name: fetch(folder, name, monkeypatch) for name, folder in whole.items()}

    took = taken_by_vllm([*whole.values(), *fetched.values()])

    assert took == [*READ.values()] * 2
    for name, folder in fetched.items():
        assert {file.name for file in folder.iterdir()} == {"config.json", *READ[name]}


def repository(folder: Path, files: Sequence[str]) -> Path:
    for name in ("config.json", *files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    return folder


def fetch(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    needed = wanted(LlmSettings(engine="vllm", model=f"test/{name}"))
    assert needed
    with hub(folder, f"test/{name}") as there:
        there.may_finish.set()
        monkeypatch.setenv("HF_ENDPOINT", there.url)
        return asyncio.run(downloads.fetch(needed, Download()))


def taken_by_vllm(directories: Sequence[Path]) -> list[list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", _TAKEN, *map(str, directories)],
        stdout=subprocess.PIPE, check=True, timeout=120,
    )  # fmt: skip
    found: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found
