"""Secrets from files, as container platforms hand them over."""

from pathlib import Path

import pytest
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from parley_kit.auth import configured_keys
from parley_kit.errors import SettingsError
from parley_kit.settings import ServiceSettings, load


class DemoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="DEMO_")

    upstream_key: SecretStr = SecretStr("")
    token: SecretStr = Field(SecretStr(""), validation_alias=AliasChoices("NEW_TOKEN", "TOKEN"))


def secret(tmp_path: Path, content: str) -> str:
    path = tmp_path / "secret"
    path.write_text(content)
    return str(path)


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("OPENAI_API_KEY_FILE", "openai_api_key"),
        ("DEMO_UPSTREAM_KEY_FILE", "upstream_key"),
        ("NEW_TOKEN_FILE", "token"),
        ("TOKEN_FILE", "token"),
    ],
)
def test_a_secret_may_be_in_a_file(
    variable: str, field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, secret(tmp_path, "sesame\n"))

    assert getattr(load(DemoSettings), field).get_secret_value() == "sesame"


def test_what_is_set_itself_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY_FILE", secret(tmp_path, "from the file"))
    monkeypatch.setenv("OPENAI_API_KEY", "set")

    assert load(DemoSettings).openai_api_key.get_secret_value() == "set"


@pytest.mark.parametrize("path", ["", "/dev/null"])
def test_an_empty_file_and_an_empty_name_are_no_secret(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", path)

    assert load(DemoSettings).openai_api_key.get_secret_value() == ""


def test_the_file_of_keys_stays_a_file_of_many_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEYS_FILE", secret(tmp_path, "new\nold\n"))

    settings = load(DemoSettings)

    assert settings.api_keys_file is not None
    assert configured_keys(settings) == ()


def test_a_file_that_cannot_be_read_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY_FILE", "/nowhere/key")

    with pytest.raises(SettingsError, match=r"^OPENAI_API_KEY_FILE: cannot read /nowhere/key: No"):
        load(DemoSettings)


def test_a_file_that_is_no_text_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"\xff\xfe")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(path))

    with pytest.raises(SettingsError, match=r"no text\.$"):
        load(DemoSettings)
