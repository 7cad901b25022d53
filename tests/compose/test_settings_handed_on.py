"""What is written in .env arrives where it is read."""

import re
from collections.abc import Iterator

import pytest
from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from parley_llm.settings import LlmSettings
from parley_orchestrator.admin.settings import AdminSettings
from parley_orchestrator.settings import OrchestratorSettings
from parley_stt.settings import SttSettings
from parley_tts.settings import TtsSettings
from parley_ws_llm.settings import WsLlmSettings
from tests.compose.compositions import COMBINATIONS, ROOT, composed, environment_of

EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
LISTED = set(re.findall(r"^([A-Z_]+)=", EXAMPLE, re.MULTILINE))
READS: list[tuple[str, type[BaseSettings]]] = [
    ("stt", SttSettings),
    ("tts", TtsSettings),
    ("llm", LlmSettings),
    ("ws-llm", WsLlmSettings),
    ("orchestrator", OrchestratorSettings),
    ("orchestrator", AdminSettings),
]
# What a container cannot honour, and its line in the example says so.
IN_NO_CONTAINER = {("orchestrator", "ORCHESTRATOR_BOARD"), ("ws-llm", "LLM_BASE_URL")}
ENGINES = {"stt": "STT_ENGINE", "tts": "TTS_ENGINE", "llm": "LLM_ENGINE"}
# By the beginning of its line: "vllm: the model ..."
ENGINE_OF = {
    name: engine
    for engine, name in re.findall(
        r"^# (vllm|proxy|faster-whisper|kokoro): .*\n(?:# .*\n)*([A-Z_]+)=", EXAMPLE, re.MULTILINE
    )
} | {"LLM_SCRIPTED_TOKENS_PER_S": "scripted"}
# Compose's own, and what our code does not read.
NOT_OURS = re.compile(r"HF_|NVIDIA_|GF_|NODE_IP|(LOCAL_)?LIVEKIT_(KEYS|CONFIG)|HOME$|LLAMA_")


def variables(settings: type[BaseSettings]) -> Iterator[set[str]]:
    """The names of each field in the environment; one of them is enough."""
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        yield {str(choice or f"{prefix}{name}".upper()) for choice in choices}


@pytest.mark.parametrize(("service", "settings"), READS)
def test_every_setting_of_a_service_is_handed_to_it(
    service: str, settings: type[BaseSettings]
) -> None:
    handed = {
        name
        for files in COMBINATIONS.values()
        for name in environment_of(composed(files)["services"][service])
    }
    handed |= {name for where, name in IN_NO_CONTAINER if where == service}

    assert [names for names in variables(settings) if not names & handed] == []


def engines_and_settings(combination: str) -> Iterator[tuple[str, set[str]]]:
    """Of each service with engines the one that it has, and what it is handed."""
    services = composed(COMBINATIONS[combination])["services"]
    for service, setting in ENGINES.items():
        handed = environment_of(services[service])
        yield handed[setting], {*handed}


def test_what_a_service_on_a_gpu_is_handed_is_for_its_engine() -> None:
    for engine, handed in engines_and_settings("gpu"):
        assert {ENGINE_OF[name] for name in handed & ENGINE_OF.keys()} <= {engine}


@pytest.mark.parametrize("name", sorted(ENGINE_OF))
def test_what_is_for_an_engine_is_handed_to_it_somewhere(name: str) -> None:
    assert any(
        engine == ENGINE_OF[name] and name in handed
        for combination in COMBINATIONS
        for engine, handed in engines_and_settings(combination)
    )


@pytest.mark.parametrize(
    ("service", "setting"), [("ws-llm", "WS_LLM_PERSONA_FILE"), ("orchestrator", "AGENT_PERSONA")]
)
def test_files_of_ones_own_are_where_a_setting_may_name_them(service: str, setting: str) -> None:
    handed_to = composed(COMBINATIONS["gpu"])["services"][service]
    line = re.search(rf"((?:^# .*\n)+){setting}=", EXAMPLE, re.MULTILINE)

    assert handed_to["volumes"] == ["./personas:/personas:ro"]
    assert line
    assert "/personas/mine.md" in line[1]
    assert (ROOT / "personas").is_dir()


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_every_setting_in_the_compose_files_is_in_the_example(combination: str) -> None:
    for name, service in composed(COMBINATIONS[combination])["services"].items():
        named = {one for one in environment_of(service) if not NOT_OURS.match(one)}

        assert named <= LISTED, name


def test_no_service_is_handed_what_only_another_reads() -> None:
    services = composed(COMBINATIONS["gpu"])["services"]
    for name in ("stt", "tts", "llm", "ws-llm", "gateway"):
        secrets = {"GEMINI_API_KEY", "LIVEKIT_API_SECRET", "REST_API_KEY"}

        assert not secrets & environment_of(services[name]).keys()
