"""The orchestrator's settings: names that users have, what follows, refusals in a sentence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import SettingsError
from parley_kit.settings import load
from parley_orchestrator.addresses import checked_url
from parley_orchestrator.admin.settings import AdminSettings, load_admin
from parley_orchestrator.llm.chat import Tool
from parley_orchestrator.settings import TRANSPORTS, OrchestratorSettings


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> OrchestratorSettings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load(OrchestratorSettings)


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    with pytest.raises(SettingsError) as refused:
        settings(monkeypatch, **{"LLM_CHAIN": "qwen", **environment})
    return str(refused.value)


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
    read = settings(
        monkeypatch, OPENAI_BASE_URL="http://one", TTS_BASE_URL="http://two", LLM_CHAIN="qwen"
    )

    assert (read.llm_url, read.tts_url) == ("http://one/llm/v1", "http://two/tts/v1")
    assert read.ws_llm_url == "http://one/ws-llm"


# The chain.


@pytest.mark.parametrize(
    ("environment", "chain"),
    [
        ({"GEMINI_API_KEY": "g"}, ("gemini", "qwen")),
        ({"LLM_CHAIN": ""}, None),
        ({"USE_REST_API": "true"}, ("rest", "qwen")),
        ({"USE_REST_API": "true", "SELF_HOSTED_LLM_ENABLED": "false"}, ("rest",)),
        ({"GEMINI_API_KEY": "g", "SELF_HOSTED_LLM_ENABLED": "false"}, ("gemini",)),
        ({"LLM_CHAIN": "ws", "USE_REST_API": "true"}, ("rest", "ws")),
        ({"LLM_CHAIN": "rest, ws", "USE_REST_API": "true"}, ("rest", "ws")),
        (
            {"USE_REST_API": "1", "OPENAI_MODEL": "gpt-Realtime", "REST_API_BASE_URL": "http://a"},
            ("realtime", "qwen"),
        ),
    ],
)
def test_the_chain_follows_from_what_is_set(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], chain: tuple[str, ...] | None
) -> None:
    if chain is None:
        assert "GEMINI_API_KEY" in refusal(monkeypatch, **environment)
    else:
        assert settings(monkeypatch, **environment).chain == chain


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"LLM_CHAIN": "gemini,qwen"}, "GEMINI_API_KEY is needed"),
        ({"LLM_CHAIN": "qwen,wizard"}, "LLM_CHAIN: name one or more of gemini, qwen"),
        ({"LLM_CHAIN": "qwen,qwen"}, "each once"),
        ({"LLM_CHAIN": ","}, "LLM_CHAIN"),
        ({"SELF_HOSTED_STT_ENABLED": "false"}, "there is no other STT"),
        ({"SELF_HOSTED_TTS_ENABLED": "false"}, "there is no other TTS"),
        ({"SELF_HOSTED_LLM_ENABLED": "false"}, "excludes qwen"),
        ({"LLM_CHAIN": "realtime"}, "REALTIME_BASE_URL is needed"),
        (
            {
                "LLM_CHAIN": "realtime,rest",
                "OPENAI_MODEL": "gpt-realtime",
                "REALTIME_BASE_URL": "wss://a/v1",
            },
            "REALTIME_MODEL",
        ),
        ({"LLM_CHAIN": "rest", "REST_API_BASE_URL": "http://a/v1"}, "OPENAI_MODEL is needed"),
        ({"LLM_CHAIN": "ws", "OPENAI_BASE_URL": "http://a/v1"}, "WS_LLM_URL is needed"),
        ({"LLM_COOLDOWN_S": "60", "LLM_MAX_COOLDOWN_S": "30"}, "LLM_MAX_COOLDOWN_S"),
        ({"OPENAI_BASE_URL": "voice.example"}, "OPENAI_BASE_URL: this is no URL"),
        ({"LIVEKIT_URL": "ftp://livekit"}, "LIVEKIT_URL: this is no URL; write one like wss://"),
        ({"OPENAI_API_KEY": "two words"}, "OPENAI_API_KEY: this is no key"),
        ({"GEMINI_API_KEY": "clé"}, "GEMINI_API_KEY: this is no key"),
        ({"LLM_CHAIN": "gemini", "GEMINI_API_KEY": " "}, "GEMINI_API_KEY is needed"),
        ({"SILENCE_BUDGET_S": "soon"}, "SILENCE_BUDGET_S"),
        ({"OPENAI_MAX_TURNS": "0"}, "OPENAI_MAX_TURNS"),
        ({"REST_API_MAX_RETRIES": "-1"}, "REST_API_MAX_RETRIES"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], sentence: str
) -> None:
    assert sentence in refusal(monkeypatch, **environment)


def test_a_key_may_have_been_read_from_a_file_with_its_line_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = settings(monkeypatch, LLM_CHAIN="qwen", OPENAI_API_KEY="sk-1\n")

    assert read.openai_api_key.get_secret_value() == "sk-1"


def test_of_keys_that_rotate_the_newest_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, LLM_CHAIN="qwen", OPENAI_API_KEY="sk-new, sk-old")

    assert read.openai_api_key.get_secret_value() == "sk-new"


@pytest.mark.parametrize("given", ["API_KEYS", "API_KEYS_FILE"])
def test_without_a_key_of_its_own_the_stack_is_called_with_the_first_of_its_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str
) -> None:
    file = tmp_path / "keys"
    file.write_text("# in use\nnew\nold\n")
    value = {"API_KEYS": "new, old", "API_KEYS_FILE": str(file)}[given]
    read = settings(monkeypatch, LLM_CHAIN="qwen,ws", **{given: value})

    assert read.stack_key == "new"
    assert read.llm_config("qwen").api_key == "new"
    assert read.llm_config("ws").api_key == "new"


def test_a_key_that_is_replaced_in_the_file_is_that_of_the_next_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    file.write_text("old\n")
    read = settings(monkeypatch, LLM_CHAIN="qwen", API_KEYS_FILE=str(file))
    assert read.stack_key == "old"

    file.write_text("new\n")

    assert read.llm_config("qwen").api_key == "new"


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        ("qwen", {"LLM_BASE_URL": "https://other.example"}),
        ("rest", {"LLM_BASE_URL": "https://other.example"}),
        ("rest", {"REST_API_BASE_URL": "https://other.example/v1", "OPENAI_MODEL": "gpt-4o-mini"}),
        ("realtime", {"REALTIME_BASE_URL": "wss://other.example/v1"}),
    ],
)
def test_the_keys_of_the_stack_are_sent_to_nobody_else(
    monkeypatch: pytest.MonkeyPatch, name: str, elsewhere: dict[str, str]
) -> None:
    read = settings(monkeypatch, LLM_CHAIN=name, API_KEYS="ours", **elsewhere)
    assert read.llm_config(name).api_key == ""

    read = settings(monkeypatch, OPENAI_API_KEY="theirs")
    assert read.llm_config(name).api_key == "theirs"


def test_a_refusal_shows_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refusal(monkeypatch, OPENAI_BASE_URL="sk-secret", GEMINI_API_KEY="g-secret")

    assert "secret" not in told


def test_livekit_is_needed_to_take_calls_only(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, LLM_CHAIN="qwen", LIVEKIT_URL="wss://livekit.example")

    with pytest.raises(SettingsError, match="LIVEKIT_API_KEY and LIVEKIT_API_SECRET"):
        read.require_livekit()


def test_a_worker_with_everything_may_take_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    livekit = {"LIVEKIT_URL": "ws://l:7880", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}

    settings(monkeypatch, LLM_CHAIN="qwen", **livekit).require_livekit()


# What each transport is configured with.


def test_every_transport_gets_what_all_share(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(
        monkeypatch,
        LLM_CHAIN="qwen",
        OPENAI_MAX_TURNS="7",
        ORCHESTRATOR_LLM_TEMPERATURE="0.3",
        ORCHESTRATOR_LLM_MAX_TOKENS="90",
        ORCHESTRATOR_LLM_STREAM="false",
    )
    tools = (Tool("book", "Books.", {"type": "object"}),)
    for name in TRANSPORTS:
        config = read.llm_config(name, instructions="Be kind.", tools=tools)
        assert (config.instructions, config.tools) == ("Be kind.", tools)
        assert (config.max_turns, config.temperature, config.max_tokens) == (7, 0.3, 90)
        assert not config.stream


def test_rest_has_an_api_a_timeout_and_retries_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(
        monkeypatch,
        USE_REST_API="true",
        REST_API_BASE_URL="https://api.example/v1/",
        REST_API_KEY="theirs",
        OPENAI_API_KEY="ours",
        OPENAI_MODEL="gpt-4o-mini",
        OPENAI_ORG_ID="org",
        REST_API_TIMEOUT="4",
        REST_API_MAX_RETRIES="0",
    )
    rest, qwen = read.llm_config("rest"), read.llm_config("qwen")

    assert (rest.base_url, rest.api_key) == ("https://api.example/v1", "theirs")
    assert (rest.model, rest.organization) == ("gpt-4o-mini", "org")
    assert (rest.connect_timeout_s, rest.first_token_timeout_s, rest.stall_timeout_s) == (4, 4, 4)
    assert rest.max_retries == 0
    assert (qwen.api_key, qwen.organization, qwen.max_retries) == ("ours", "", 2)
    assert (qwen.first_token_timeout_s, qwen.base_url) == (10, "http://127.0.0.1:8000/llm/v1")


def test_realtime_and_rest_have_models_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(
        monkeypatch,
        LLM_CHAIN="realtime,rest",
        OPENAI_MODEL="gpt-4o-mini",
        REALTIME_BASE_URL="wss://api.example/v1",
    )

    assert read.llm_config("realtime").model == "gpt-realtime"
    assert read.llm_config("rest").model == "gpt-4o-mini"


def test_the_other_transports_are_where_their_servers_are(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(
        monkeypatch,
        GEMINI_API_KEY="g",
        GOOGLE_GEMINI_BASE_URL="http://fake",
        OPENAI_API_KEY="ours",
        LLM_MODEL="qwen-small",
    )
    gemini, ws = read.llm_config("gemini"), read.llm_config("ws")

    assert (gemini.model, gemini.base_url, gemini.api_key) == (
        "gemini-2.5-flash",
        "http://fake",
        "g",
    )
    assert (ws.base_url, ws.api_key, ws.model) == (
        "http://127.0.0.1:8000/ws-llm",
        "ours",
        "qwen-small",
    )


def test_a_configuration_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, LLM_CHAIN="qwen", OPENAI_API_KEY="sk-ours")

    assert "sk-ours" not in repr(read)
    assert "sk-ours" not in repr(read.llm_config("qwen"))


# URLs.


@pytest.mark.parametrize(
    "url",
    [
        "http://h:port",
        "http://h:99999",
        "http://",
        "//h",
        "h:8000",
        "http://h/?key=1",
        "http://h h",
    ],
)
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(ValueError, match="no URL"):
        checked_url(url, ("http", "https"))


@given(host=st.from_regex(r"[a-z]{1,20}", fullmatch=True), port=st.integers(1, 65535))
def test_a_host_and_a_port_are_a_url(host: str, port: int) -> None:
    url = f"http://{host}:{port}/path"

    assert checked_url(url, ("http",)) == url


# The admin page.


def test_on_loopback_the_admin_page_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the stack's")

    assert load_admin().allow_anonymous
    assert not load_admin().openai_api_key.get_secret_value()


def test_a_key_that_is_set_for_callers_is_asked_for_on_loopback_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEYS", "one")

    assert load_admin().api_keys.get_secret_value() == "one"


def test_elsewhere_the_rule_is_that_of_every_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_HOST", "0.0.0.0")
    monkeypatch.setenv("ADMIN_PORT", "9000")
    read = load_admin()

    assert read == load(AdminSettings)
    assert (read.allow_anonymous, read.listen_port) == (False, 9000)
