"""What the services would make of an environment: their own settings classes are asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar

from pydantic import AliasChoices, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from parley_kit.errors import readable
from parley_llm.settings import LlmSettings
from parley_stt.settings import SttSettings
from parley_tts.settings import TtsSettings
from parley_ws_llm.settings import WsLlmSettings

S = TypeVar("S", bound=BaseSettings)

SERVICES: Mapping[str, type[BaseSettings]] = {
    "stt": SttSettings,
    "tts": TtsSettings,
    "llm": LlmSettings,
    "ws-llm": WsLlmSettings,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting that its service refuses; `variable` is empty where several do not fit."""

    variable: str
    message: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.message}" if self.variable else self.message


@dataclass(frozen=True, slots=True)
class Read(Generic[S]):
    """Settings, or what is wrong with them."""

    settings: S | None
    problems: Sequence[Problem] = ()


def orchestrator_settings() -> Sequence[type[BaseSettings]]:
    """Of the worker and its admin page; none where the orchestrator is not installed."""
    try:
        worker = import_module("parley_orchestrator.settings").OrchestratorSettings
        admin = import_module("parley_orchestrator.admin.settings").AdminSettings
    except ModuleNotFoundError:
        return ()
    return worker, admin


def variables(cls: type[BaseSettings]) -> Mapping[str, Sequence[str]]:
    """The names of the environment variables of each field."""
    prefix = cls.model_config.get("env_prefix", "")
    return {
        name: tuple(_names(field, f"{prefix}{name}".upper()))
        for name, field in cls.model_fields.items()
    }


def _names(field: FieldInfo, default: str) -> Iterator[str]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias or default]
    yield from map(str, choices)


def read(cls: type[S], values: Mapping[str, str]) -> Read[S]:
    """What a service makes of these variables alone; empty ones count as not set."""
    fields = variables(cls)
    given: dict[str, Any] = {
        field: next(values[name] for name in names if values.get(name))
        for field, names in fields.items()
        if any(values.get(name) for name in names)
    }
    try:
        return Read(_sealed(cls)(**given))
    except ValidationError as exc:
        return Read(None, [_problem(error, fields) for error in exc.errors()])


def _sealed(cls: type[S]) -> type[S]:
    """The class, reading nothing of the doctor's own environment."""

    class Sealed(cls):  # type: ignore[misc, valid-type]  # mypy knows no base that is a variable
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], init_settings: Any, **_: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings,)

    return Sealed


def _problem(error: Mapping[str, Any], fields: Mapping[str, Sequence[str]]) -> Problem:
    place = str(error["loc"][0]) if error["loc"] else ""
    return Problem(fields.get(place, (place,))[0], readable(error["msg"]))
