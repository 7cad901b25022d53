"""API keys: several at a time, so that they rotate without a restart."""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from parley_kit.errors import InvalidApiKey, SettingsError
from parley_kit.key_file import KeyFile
from parley_kit.settings import ServiceSettings

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys in use, as digests by the id under which logs and limits know them."""

    digests: Mapping[str, bytes]

    @classmethod
    def of(cls, keys: Iterable[str]) -> "KeySet":
        digests = (hashlib.sha256(key.encode()).digest() for key in keys)
        return cls({digest.hex()[:8]: digest for digest in digests})

    def id_of(self, key: str) -> str | None:
        """The id of `key`, or None; compares with every key in constant time."""
        digest = hashlib.sha256(key.encode()).digest()
        found = None
        for key_id, known in self.digests.items():
            if hmac.compare_digest(digest, known):
                found = key_id
        return found


class Authenticator:
    """Says who a caller is; reads the key file again when it has changed."""

    def __init__(
        self,
        keys: Iterable[str],
        key_file: Path | None = None,
        *,
        allow_anonymous: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            keys: keys that are always valid.
            key_file: one key per line; empty lines and lines that start with `#` are skipped.
            allow_anonymous: without any key every caller is welcome.

        Raises:
            SettingsError: there is no key at all, or the file cannot be read.
        """
        self._fixed = tuple(keys)
        self._file = None if key_file is None else KeyFile(key_file, clock)
        self._listed = () if self._file is None else self._file.keys
        self._keys = KeySet.of((*self._fixed, *self._listed))
        if not self._keys.digests and not allow_anonymous:
            raise SettingsError(
                "No API key is configured: set API_KEYS (comma-separated), API_KEYS_FILE or "
                "OPENAI_API_KEY, or ALLOW_ANONYMOUS=true to serve everybody who can connect."
            )
        self._open = not self._keys.digests

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> "Authenticator":
        return cls(
            configured_keys(settings),
            settings.api_keys_file,
            allow_anonymous=settings.allow_anonymous,
        )

    @property
    def keys(self) -> int:
        """How many keys were in use when it last looked."""
        return len(self._keys.digests)

    def identify(self, authorization: str | None) -> str:
        """The id of the key in an `Authorization` header.

        Raises:
            InvalidApiKey: there is none, or it is not in use.
        """
        if self._open:
            return ANONYMOUS
        self._reload_if_changed()
        scheme, _, key = (authorization or "").partition(" ")
        key_id = self._keys.id_of(key.strip()) if scheme.lower() == "bearer" else None
        if key_id is None:
            raise InvalidApiKey
        return key_id

    def _reload_if_changed(self) -> None:
        if self._file is not None and (listed := self._file.keys) is not self._listed:
            self._listed = listed
            self._keys = KeySet.of((*self._fixed, *listed))


def configured_keys(settings: ServiceSettings) -> tuple[str, ...]:
    """Keys from `API_KEYS`, or `OPENAI_API_KEY` when neither `API_KEYS` nor a file is set."""
    listed = settings.api_keys.get_secret_value()
    if not listed and settings.api_keys_file is None:
        listed = settings.openai_api_key.get_secret_value()
    return split_keys(listed)


def split_keys(listed: str) -> tuple[str, ...]:
    """The keys of a list with commas; the first is the one to call others with."""
    return tuple(key for part in listed.split(",") if (key := part.strip()))
