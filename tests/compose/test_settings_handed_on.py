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
# Each of these knows the others by name, and what the base is good for it is told itself.
KNOWN_BY_NAME = {"OPENAI_BASE_URL"}
# Compose's own, and what our code does not read.
NOT_OURS = re.compile(r"HF_|NVIDIA_|GF_|NODE_IP|LIVEKIT_(KEYS|CONFIG)|HOME$|LLAMA_")


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
    handed = environment_of(composed(COMBINATIONS["gpu"])["services"][service]).keys()

    missing = [names for names in variables(settings) if not names & (handed | KNOWN_BY_NAME)]

    assert missing == []


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
