"""A file with one API key a line, read again when it changes."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from parley_kit.errors import SettingsError

log = logging.getLogger("parley.keys")

_LOOK_EVERY_S = 1.0


class KeyFile:
    """Keys in the order of their lines; empty lines and those that start with `#` are skipped."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Raises:
            SettingsError: the file cannot be read.
        """
        self._path = path
        self._clock = clock
        self._next_look = clock() + _LOOK_EVERY_S
        self._trouble = ""
        try:
            self._stamp = _stamp(path)
            self._keys = read_keys(path)
        except (OSError, UnicodeDecodeError) as exc:
            raise SettingsError(f"API_KEYS_FILE: cannot read {path}: {_reason(exc)}.") from exc

    @property
    def keys(self) -> tuple[str, ...]:
        """As the file has them; those that were there last while it cannot be read."""
        if self._clock() >= self._next_look:
            self._next_look = self._clock() + _LOOK_EVERY_S
            self._look()
        return self._keys

    def _look(self) -> None:
        try:
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._keys = read_keys(self._path)
                self._stamp = stamp
            self._trouble = ""
        except FileNotFoundError:
            return  # an editor is replacing the file
        except (OSError, UnicodeDecodeError) as exc:
            self._report(_reason(exc))

    def _report(self, trouble: str) -> None:
        """Once, however often callers come."""
        if trouble != self._trouble:
            data = {"reason": trouble}
            log.error("API_KEYS_FILE cannot be read; its keys stay", extra={"data": data})
        self._trouble = trouble


def read_keys(path: Path) -> tuple[str, ...]:
    """
    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it is no text.
    """
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _stamp(path: Path) -> tuple[int, int]:
    stat = os.stat(path)
    return stat.st_mtime_ns, stat.st_ino


def _reason(exc: Exception) -> str:
    return exc.strerror or type(exc).__name__ if isinstance(exc, OSError) else "it is no text"
