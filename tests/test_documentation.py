"""What the documents say is what the code does."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from parley_kit.settings import load
from parley_llm.settings import LlmSettings
from parley_orchestrator.admin.settings import AdminSettings
from parley_orchestrator.settings import OrchestratorSettings
from parley_stt.settings import SttSettings
from parley_tts.settings import TtsSettings
from parley_ws_llm.settings import WsLlmSettings

ROOT = Path(__file__).parents[1]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
SETTINGS: list[type[BaseSettings]] = [
    SttSettings,
    TtsSettings,
    LlmSettings,
    WsLlmSettings,
    OrchestratorSettings,
    AdminSettings,
]
NEEDED: dict[type[BaseSettings], dict[str, str]] = {
    WsLlmSettings: {"openai_base_url": "http://127.0.0.1"},
    OrchestratorSettings: {"gemini_api_key": "key"},
}


def variables(settings: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    """The names of the environment variables that a class reads, with their fields."""
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        for choice in alias.choices if isinstance(alias, AliasChoices) else [alias]:
            yield str(choice or f"{prefix}{name}".upper()), name


def compose_reads() -> set[str]:
    """What the compose files hand on or read for themselves, and what Compose itself does."""
    paths = [*ROOT.glob("*compose*.yml"), *ROOT.glob("services/*/compose.yml")]
    files = "".join(path.read_text("utf-8") for path in paths)
    named = re.findall(r"(?<!\$)\$\{([A-Z_]+)|^ +([A-Z_]+):$", files, re.MULTILINE)
    return {"COMPOSE_PROFILES", *(a or b for a, b in named)} - {"COMPOSE_PROJECT_NAME"}


def test_the_example_lists_every_setting_once_and_nothing_else() -> None:
    listed = re.findall(r"^([A-Z_]+)=", EXAMPLE, re.MULTILINE)
    read = {variable for settings in SETTINGS for variable, _ in variables(settings)}

    assert len(listed) == len(set(listed))
    assert set(listed) == read | compose_reads()


def test_each_setting_of_the_example_has_a_line_on_what_it_is() -> None:
    lines = EXAMPLE.splitlines()
    for before, line in pairwise(lines):
        if re.match(r"[A-Z_]+=", line):
            assert before.startswith("# "), line


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_values_of_the_example_are_the_defaults(
    settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = NEEDED.get(settings, {})
    defaults = load(settings, **needed)
    for name, value in re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE):
        monkeypatch.setenv(name, value)

    assert load(settings, **needed) == defaults


def test_every_relative_link_of_a_document_leads_somewhere() -> None:
    documents = [
        path
        for path in ROOT.rglob("*.md")
        if not {".venv", ".venv-kokoro", ".venv-vllm", "node_modules"} & {*path.parts}
    ]
    for document in documents:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document}: {target}"
