"""Secrets from files: where `NAME` is a secret, `NAME_FILE` may say where it is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, SecretStr
from pydantic_settings import BaseSettings

from parley_kit.errors import SettingsError


def from_files(cls: type[BaseSettings], environment: Mapping[str, str]) -> dict[str, str]:
    """The secrets of `cls`, by field, that only a file has; what is set itself wins.

    Raises:
        SettingsError: names the variable whose file cannot be read.
    """
    fields: Mapping[str, Any] = cls.model_fields
    prefix = cls.model_config.get("env_prefix", "")
    named = {name: _variables(name, field, prefix) for name, field in fields.items()}
    taken = {variable for variables in named.values() for variable in variables}
    return {
        name: secret
        for name, variables in named.items()
        if fields[name].annotation is SecretStr
        and not any(environment.get(variable) for variable in variables)
        and (secret := _first(variables, taken, environment))
    }


def _variables(name: str, field: Any, prefix: str) -> tuple[str, ...]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return tuple(str(choice or f"{prefix}{name}".upper()) for choice in choices)


def _first(variables: tuple[str, ...], taken: set[str], environment: Mapping[str, str]) -> str:
    """Of the files that are named; a variable that is a setting of its own is left to it."""
    files = (f"{variable}_FILE" for variable in variables)
    given = (file for file in files if file not in taken and environment.get(file))
    return next((_read(file, Path(environment[file])) for file in given), "")


def _read(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is no text"
        raise SettingsError(f"{variable}: cannot read {path}: {why}.") from exc
