"""`docker compose` takes every combination of the files, with every profile."""

import json
import os
import subprocess
from itertools import chain, combinations
from pathlib import Path

import pytest

from tests.compose.compositions import COMBINATIONS, PROFILES, ROOT
from tests.compose.linting import problems

SETS_OF_PROFILES = [
    *chain.from_iterable(combinations(PROFILES, size) for size in range(len(PROFILES) + 1))
]

pytestmark = pytest.mark.usefixtures("compose_plugin")


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """What `cp .env.example .env` makes, and a key in it."""
    path = tmp_path / "env"
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    path.write_text(example.replace("\nAPI_KEYS=\n", "\nAPI_KEYS=a-key\n"))
    return path


def config(
    combination: str, env_file: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    files = [part for file in COMBINATIONS[combination] for part in ("-f", str(ROOT / file))]
    return subprocess.run(
        ["docker", "compose", "--env-file", str(env_file), *files, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("profiles", SETS_OF_PROFILES, ids="+".join)
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_every_combination_is_valid(
    combination: str, profiles: tuple[str, ...], env_file: Path
) -> None:
    chosen = config(combination, env_file, "config", "--quiet", COMPOSE_PROFILES=",".join(profiles))

    assert chosen.returncode == 0, chosen.stderr
    assert chosen.stderr == ""


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_what_compose_makes_of_the_files_keeps_to_the_rules(
    combination: str, env_file: Path
) -> None:
    everything = ",".join(PROFILES)
    made = config(combination, env_file, "config", "--format", "json", COMPOSE_PROFILES=everything)

    composition = json.loads(made.stdout)

    assert problems(composition) == []
    assert {"gateway", "stt", "tts", "llm", "ws-llm", "orchestrator"} <= {*composition["services"]}


@pytest.mark.parametrize("combination", ["gpu", "cpu", "demo"])
def test_without_a_key_nothing_starts_and_one_sentence_says_why(
    combination: str, tmp_path: Path
) -> None:
    env_file = tmp_path / "env"
    env_file.write_text((ROOT / ".env.example").read_text(encoding="utf-8"))

    refused = config(combination, env_file, "up", "--detach")

    assert refused.returncode != 0
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "no key is configured. Set API_KEYS in .env" in refused.stderr


@pytest.mark.parametrize(
    "access", ["API_KEYS=a", "OPENAI_API_KEY=a", "API_KEYS_FILE=./keys", "ALLOW_ANONYMOUS=true"]
)
def test_each_way_to_say_who_may_call_is_enough(access: str, tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text(f"{access}\n")

    assert config("gpu", env_file, "config", "--quiet").returncode == 0


def test_keys_that_are_set_reach_every_service(env_file: Path) -> None:
    made = config("gpu", env_file, "config", "--format", "json")

    services = json.loads(made.stdout)["services"]

    for name in ("stt", "tts", "llm", "ws-llm"):
        assert services[name]["environment"]["API_KEYS"] == "a-key"
        assert not services[name]["environment"]["API_KEYS_FILE"]
    assert services["ws-llm"]["environment"]["OPENAI_API_KEY"] == "a-key"


def test_what_env_says_is_not_what_chooses_the_engines(env_file: Path) -> None:
    """The example names the embedded ones, which no image for a GPU has."""
    engines = {}
    for combination in ("gpu", "cpu", "demo"):
        services = json.loads(config(combination, env_file, "config", "--format", "json").stdout)
        environments = {n: s.get("environment", {}) for n, s in services["services"].items()}
        engines[combination] = [
            environments["stt"]["STT_ENGINE"],
            environments["tts"]["TTS_ENGINE"],
            environments["llm"]["LLM_ENGINE"],
        ]

    assert engines == {
        "gpu": ["faster-whisper", "kokoro", "vllm"],
        "cpu": ["faster-whisper", "kokoro", "proxy"],
        "demo": ["pocketsphinx", "flite", "scripted"],
    }
