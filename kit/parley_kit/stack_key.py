"""The key with which a service calls the others of its stack."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from parley_kit.auth import split_keys
from parley_kit.key_file import KeyFile

StackKey = Callable[[], str]
"""Asked before each call, because a key in a file may change; empty: there is none."""


class KeySettings(Protocol):
    """What says which keys there are."""

    @property
    def openai_api_key(self) -> SecretStr: ...
    @property
    def api_keys(self) -> SecretStr: ...
    @property
    def api_keys_file(self) -> Path | None: ...


def stack_key(settings: KeySettings) -> StackKey:
    """The first of `OPENAI_API_KEY`, else of `API_KEYS`, else of the file of keys.

    Raises:
        SettingsError: the file cannot be read.
    """
    given = settings.openai_api_key.get_secret_value() or settings.api_keys.get_secret_value()
    key = next(iter(split_keys(given)), "")
    if key or settings.api_keys_file is None:
        return lambda: key
    file = KeyFile(settings.api_keys_file)
    return lambda: next(iter(file.keys), "")
