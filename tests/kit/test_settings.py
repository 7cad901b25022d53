"""Settings: read once, refused in one sentence."""

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from parley_kit.errors import SettingsError
from parley_kit.settings import ServiceSettings, load


class DemoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="DEMO_")

    voices: int = Field(1, ge=1)


def test_a_service_has_limits_of_its_own_and_shares_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEMO_MAX_QUEUE", "7")
    monkeypatch.setenv("MAX_QUEUE", "9")
    monkeypatch.setenv("LISTEN_PORT", "8123")

    settings = load(DemoSettings)

    assert (settings.max_queue, settings.listen_port) == (7, 8123)


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_VOICES", "")

    assert load(DemoSettings).voices == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("DEMO_VOICES", "canary"), ("LISTEN_PORT", "70000"), ("DEMO_MAX_CONCURRENCY", "0")],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable_and_not_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refused:
        load(DemoSettings)

    assert f"{name}: " in str(refused.value)
    assert value not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_every_limit_has_a_finite_default() -> None:
    settings = ServiceSettings()

    limits = [name for name in ServiceSettings.model_fields if name.startswith("max_")]
    assert len(limits) >= 5
    assert all(0 < getattr(settings, name) < 1e9 for name in limits)
    assert 0 < settings.request_timeout_s < 1e5


def test_keys_do_not_show_in_a_printed_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEYS", "canary-key")

    assert "canary-key" not in repr(load(DemoSettings))
