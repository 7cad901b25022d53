"""`docker compose` takes every combination of the files, with every profile."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest

from parley.doctor.settings import SERVICES, read
from parley_kit.auth import Authenticator
from parley_kit.errors import SettingsError
from parley_kit.settings import ServiceSettings
from tests.compose.compositions import BASE, COMBINATIONS, PROFILES, ROOT, WAY_OUT
from tests.compose.linting import problems

SETS_OF_PROFILES = [
    *chain.from_iterable(combinations(PROFILES, size) for size in range(len(PROFILES) + 1))
]

pytestmark = pytest.mark.usefixtures("compose_plugin")


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """What `cp .env.example .env` makes, with a key and a language model elsewhere in it."""
    path = tmp_path / "env"
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    example = example.replace("\nAPI_KEYS=\n", "\nAPI_KEYS=a-key\n")
    path.write_text(example.replace("\nLLM_UPSTREAM_URL=\n", "\nLLM_UPSTREAM_URL=http://m/v1\n"))
    return path


def config(
    combination: str, env_file: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return config_of(COMBINATIONS[combination], env_file, *arguments, **environment)


def config_of(
    chosen: Sequence[str], env_file: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    files = [part for file in chosen for part in ("-f", str(ROOT / file))]
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

    assert problems(composition) == ([WAY_OUT] if "upstream" in combination else [])
    assert {"gateway", "stt", "tts", "llm", "ws-llm", "orchestrator"} <= {*composition["services"]}


LLAMA = {"llama", "llm-model"}
SPEECH_MODELS = {"stt-model", "tts-model"}


@pytest.mark.parametrize(
    ("combination", "engines", "more"),
    [
        ("gpu", ("faster-whisper", "kokoro", "vllm"), {"llm-model", *SPEECH_MODELS}),
        ("cpu", ("faster-whisper-cpu", "kokoro-cpu", "embedded"), LLAMA | SPEECH_MODELS),
        ("demo", ("embedded", "embedded", "embedded"), set()),
        ("upstream", ("faster-whisper", "kokoro", "embedded"), SPEECH_MODELS),
        ("cpu, upstream", ("faster-whisper-cpu", "kokoro-cpu", "embedded"), SPEECH_MODELS),
        ("demo, upstream", ("embedded", "embedded", "embedded"), set()),
        ("cpu, demo", ("embedded", "embedded", "embedded"), set()),
        ("cpu, demo, upstream", ("embedded", "embedded", "embedded"), set()),
    ],
)
def test_each_combination_runs_what_it_says(
    combination: str, engines: tuple[str, ...], more: set[str], env_file: Path
) -> None:
    services = services_of(combination, env_file)

    assert {*services} == {"gateway", "stt", "tts", "llm", "ws-llm", *more}
    images = (services[name]["image"].partition(":")[2] for name in ("stt", "tts", "llm"))
    assert (*images,) == engines
    upstream = services["llm"]["environment"].get("LLM_UPSTREAM_URL")
    assert (upstream == "http://m/v1") == ("upstream" in combination)


@pytest.mark.parametrize("files", [("demo", "cpu"), ("demo", "cpu", "upstream")])
def test_the_demo_before_the_cpu_is_refused(files: tuple[str, ...], env_file: Path) -> None:
    chosen = [BASE, *(f"compose.{name}.yml" for name in files)]

    refused = config_of(chosen, env_file, "config", "--quiet")

    assert refused.returncode != 0
    assert "undefined network hub" in refused.stderr


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_the_services_take_what_every_combination_sets(combination: str, env_file: Path) -> None:
    services = services_of(combination, env_file)

    for name, settings in SERVICES.items():
        assert not read(settings, services[name]["environment"]).problems, name


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


@pytest.mark.parametrize("access", ['API_KEYS=" "', "API_KEYS=,", "ALLOW_ANONYMOUS=false"])
def test_what_compose_cannot_tell_from_a_key_ends_the_services_with_a_sentence(
    access: str, tmp_path: Path
) -> None:
    env_file = tmp_path / "env"
    env_file.write_text(f"{access}\n")
    services = services_of("gpu", env_file)

    for name, settings in SERVICES.items():
        given = read(settings, services[name]["environment"]).settings
        assert isinstance(given, ServiceSettings)
        with pytest.raises(SettingsError, match="No API key is configured: set API_KEYS"):
            Authenticator.from_settings(given)


def services_of(combination: str, env_file: Path, **environment: str) -> dict[str, Any]:
    made = config(combination, env_file, "config", "--format", "json", **environment)
    assert made.returncode == 0, made.stderr
    services: dict[str, Any] = json.loads(made.stdout)["services"]
    return services


def test_keys_that_are_set_reach_every_service(env_file: Path) -> None:
    services = services_of("gpu", env_file, COMPOSE_PROFILES="calls")

    for name in ("stt", "tts", "llm", "ws-llm", "orchestrator"):
        assert services[name]["environment"]["API_KEYS"] == "a-key"
        assert not services[name]["environment"]["API_KEYS_FILE"]


def test_what_env_says_is_not_what_chooses_the_engines(env_file: Path) -> None:
    """The example names the embedded ones, which no image for a GPU has."""
    engines = {}
    for combination in ("gpu", "cpu", "demo"):
        services = services_of(combination, env_file)
        environments = {n: s.get("environment", {}) for n, s in services.items()}
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


@pytest.mark.parametrize(
    ("combination", "device", "requests"),
    [("gpu", "cuda", "24"), ("cpu", "cpu", ""), ("demo", "", "")],
)
def test_who_is_to_have_a_card_does_not_run_without_one(
    combination: str, device: str, requests: str, env_file: Path
) -> None:
    services = services_of(combination, env_file)

    assert services["stt"]["environment"]["STT_DEVICE"] == device
    assert services["tts"]["environment"]["TTS_DEVICE"] == device
    assert services["stt"]["environment"]["STT_MAX_CONCURRENCY"] == requests


@pytest.mark.parametrize("service", ["llm", "stt", "tts"])
@pytest.mark.parametrize(("setting", "card"), [("", "0"), ("GPU-1a2b", "GPU-1a2b")])
def test_each_engine_gets_the_card_that_is_named(
    service: str, setting: str, card: str, env_file: Path
) -> None:
    made = services_of("gpu", env_file, GPU_DEVICE=setting)[service]
    (device,) = made["deploy"]["resources"]["reservations"]["devices"]

    assert device["capabilities"] == ["gpu"]
    assert device["device_ids"] == [card]
    assert made["environment"]["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert int(made["mem_limit"]) >= 8 << 30


def test_vllm_has_room_for_what_its_processes_share_and_compile(env_file: Path) -> None:
    made = services_of("gpu", env_file)["llm"]

    assert int(made["shm_size"]) == 1 << 30
    assert made["tmpfs"] == ["/tmp:size=1g,mode=1777"]
    assert made["pids_limit"] >= 4096


@pytest.mark.parametrize("service", ["llm", "stt", "tts"])
def test_models_are_kept_where_the_volume_is(service: str, env_file: Path) -> None:
    dockerfile = (ROOT / f"services/{service}/Dockerfile").read_text(encoding="utf-8")
    mounts = services_of("gpu", env_file)[service]["volumes"]

    assert ("models", "/models") in [(one["source"], one["target"]) for one in mounts]
    assert "HF_HOME=/models" in dockerfile


def test_the_manuals_way_to_several_cards_gives_each_its_own(
    env_file: Path, tmp_path: Path
) -> None:
    manual = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    found = re.search(r"```yaml\n(services:.*?)```", manual, re.DOTALL)
    assert found
    (tmp_path / "compose.cards.yml").write_text(found[1])

    made = config("gpu", env_file, "-f", f"{tmp_path}/compose.cards.yml", "config", "--format=json")

    services = json.loads(made.stdout)["services"]
    cards = {
        name: services[name]["deploy"]["resources"]["reservations"]["devices"]
        for name in ("llm", "stt", "tts")
    }
    assert [device["device_ids"] for devices in cards.values() for device in devices] == [
        ["0", "1"],
        ["2"],
        ["0"],
    ]


def test_a_language_model_elsewhere_has_to_be_named(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("API_KEYS=a\n")

    refused = config("demo, upstream", env_file, "config", "--quiet")

    assert refused.returncode != 0
    assert "LLM_UPSTREAM_URL" in refused.stderr
    assert "say in .env where the language model is" in refused.stderr


# Profile `livekit`.


@pytest.mark.parametrize(
    ("own", "pair"),
    [
        ({}, "devkey: a-secret-for-development-only-0000"),
        ({"LIVEKIT_API_KEY": "mine", "LIVEKIT_API_SECRET": "too"}, "mine: too"),
    ],
)
def test_server_and_worker_share_a_pair_of_keys(
    own: dict[str, str], pair: str, env_file: Path
) -> None:
    services = services_of("demo", env_file, COMPOSE_PROFILES="calls,livekit", **own)

    assert services["livekit"]["environment"]["LIVEKIT_KEYS"] == pair
    assert services["orchestrator"]["environment"]["LOCAL_LIVEKIT_KEYS"] == pair
    assert services["orchestrator"]["depends_on"]["livekit"]["condition"] == "service_healthy"


def test_without_the_profile_the_worker_waits_for_no_server(env_file: Path) -> None:
    services = services_of("demo", env_file, COMPOSE_PROFILES="calls")

    assert "livekit" not in services
    assert not services["orchestrator"]["environment"]["LIVEKIT_API_SECRET"]


@pytest.mark.parametrize(("setting", "address"), [("", "127.0.0.1"), ("192.0.2.1", "192.0.2.1")])
def test_the_server_is_published_for_this_host_unless_told_otherwise(
    setting: str, address: str, env_file: Path
) -> None:
    services = services_of("demo", env_file, COMPOSE_PROFILES="livekit", LIVEKIT_ADDRESS=setting)

    assert {port["host_ip"] for port in services["livekit"]["ports"]} == {address}


def worker(command: list[str], folder: Path, *, server_is_there: bool, **set_: str) -> str:
    """What the worker would find set, where the name `livekit` has an address or has none."""
    for name, script in {
        "getent": f"exit {0 if server_is_there else 2}",
        "python": 'echo "$LIVEKIT_URL $LIVEKIT_API_KEY $LIVEKIT_API_SECRET $LOCAL_LIVEKIT_KEYS"',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    # Compose writes each $ twice.
    argv = [part.replace("$$", "$") for part in command]
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "LOCAL_LIVEKIT_KEYS": "a: b", **set_}
    return subprocess.run(
        argv, env=environment, capture_output=True, text=True, timeout=10, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    ("server_is_there", "set_", "found"),
    [
        (True, {}, "ws://livekit:7880 a b"),
        (False, {}, ""),
        (
            True,
            {"LIVEKIT_URL": "wss://cloud", "LIVEKIT_API_KEY": "c", "LIVEKIT_API_SECRET": "d"},
            "wss://cloud c d",
        ),
    ],
)
def test_the_worker_takes_the_server_that_is_there_where_it_is_told_of_none(
    server_is_there: bool, set_: dict[str, str], found: str, env_file: Path, tmp_path: Path
) -> None:
    command = services_of("demo", env_file, COMPOSE_PROFILES="calls")["orchestrator"]["command"]

    assert worker(command, tmp_path, server_is_there=server_is_there, **set_) == found
