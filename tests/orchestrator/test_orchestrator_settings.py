"""The orchestrator's settings: names that users have, URLs that follow, refusals in a sentence."""

import pytest

from parley_kit.errors import SettingsError
from parley_kit.settings import load
from parley_orchestrator.settings import OrchestratorSettings


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://voice.example", "https://voice.example/stt/v1"),
        ("https://voice.example/", "https://voice.example/stt/v1"),
        ("https://voice.example/stt/v1", "https://voice.example/stt/v1"),
        ("https://voice.example/stt/v1/", "https://voice.example/stt/v1"),
    ],
)
def test_a_base_url_may_already_end_in_the_service_path(base: str, url: str) -> None:
    assert load(OrchestratorSettings, llm_chain="qwen", openai_base_url=base).stt_url == url


def test_a_service_may_have_a_base_url_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://one")
    monkeypatch.setenv("TTS_BASE_URL", "http://two")
    monkeypatch.setenv("LLM_CHAIN", "qwen")

    settings = load(OrchestratorSettings)

    assert (settings.llm_url, settings.tts_url) == ("http://one/llm/v1", "http://two/tts/v1")


def test_the_chain_is_a_list_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_CHAIN", "realtime, rest")

    assert load(OrchestratorSettings).llm_chain == ("realtime", "rest")


@pytest.mark.parametrize(
    ("chain", "sentence"),
    [("gemini,qwen", "GEMINI_API_KEY"), ("qwen,wizard", "LLM_CHAIN"), (",", "LLM_CHAIN")],
)
def test_a_chain_that_cannot_work_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, chain: str, sentence: str
) -> None:
    monkeypatch.setenv("LLM_CHAIN", chain)

    with pytest.raises(SettingsError, match=sentence):
        load(OrchestratorSettings)
