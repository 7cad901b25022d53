"""Settings read once from the environment; a wrong one stops the start with one clear sentence."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from parley_kit.errors import SettingsError, readable
from parley_kit.secret_files import from_files

_S = TypeVar("_S", bound=BaseSettings)


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(name for part in value.split(",") if (name := part.strip()))


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A list that is comma-separated in the environment."""


class ServiceSettings(BaseSettings):
    """What every HTTP service reads.

    A service subclasses this with an `env_prefix` of its own (`STT_`): fields without an alias
    take the prefix (`STT_MAX_QUEUE`), those with one are shared by all services (`API_KEYS`).
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    # Access
    api_keys: SecretStr = Field(SecretStr(""), validation_alias="API_KEYS")
    api_keys_file: Path | None = Field(None, validation_alias="API_KEYS_FILE")
    openai_api_key: SecretStr = Field(SecretStr(""), validation_alias="OPENAI_API_KEY")
    allow_anonymous: bool = Field(False, validation_alias="ALLOW_ANONYMOUS")

    # Listening
    listen_host: str = Field("127.0.0.1", validation_alias="LISTEN_HOST")
    listen_port: int = Field(8000, ge=0, le=65535, validation_alias="LISTEN_PORT")
    drain_delay_s: float = Field(0.0, ge=0, le=300, validation_alias="DRAIN_DELAY_S")
    shutdown_grace_s: int = Field(30, ge=1, le=3600, validation_alias="SHUTDOWN_GRACE_S")

    # Logging
    log_format: Literal["json", "console"] = Field("json", validation_alias="LOG_FORMAT")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="LOG_LEVEL"
    )

    # Limits of each service
    max_concurrency: int = Field(4, ge=1, le=10_000)
    max_queue: int = Field(32, ge=0, le=100_000)
    max_in_flight_per_key: int = Field(1_000, ge=1, le=100_000)
    max_body_bytes: int = Field(1 << 20, ge=1)
    min_body_bytes_per_s: int = Field(500, ge=1)
    max_body_wait_s: float = Field(6.0, gt=0, le=300)
    max_header_bytes: int = Field(16 << 10, ge=1 << 10, le=60 << 10)
    request_timeout_s: float = Field(60.0, gt=0, le=3600)


def load(cls: type[_S], **overrides: Any) -> _S:
    """Read the environment, and the files it names, into `cls`; `overrides` win over both.

    Raises:
        SettingsError: names each wrong variable and what is wrong with it, never its value.
    """
    try:
        return cls(**{**from_files(cls, os.environ), **overrides})
    except ValidationError as exc:
        prefix = cls.model_config.get("env_prefix", "")
        problems = "; ".join(
            f"{_variable(error['loc'], cls, prefix)}{readable(error['msg'])}"
            for error in exc.errors()
        )
        raise SettingsError(f"Wrong settings in the environment: {problems}.") from exc


def _variable(loc: tuple[int | str, ...], cls: type[BaseSettings], prefix: str) -> str:
    if not loc:
        return ""
    return f"{_name(str(loc[0]), cls, prefix)}: "


def _name(name: str, cls: type[BaseSettings], prefix: str) -> str:
    fields: Mapping[str, Any] = cls.model_fields
    if name in fields:
        return str(fields[name].validation_alias or f"{prefix}{name}".upper())
    return name
