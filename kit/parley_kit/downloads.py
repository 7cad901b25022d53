"""Models from the Hugging Face hub: into its cache, in a child process, with progress to look at.

In a child, because who is cancelled here must not wait for a network that hangs. It needs the
package `huggingface_hub`, which every engine brings that has models there. What is in the cache is
used without a look at the network.
"""

import asyncio
import json
import logging
import re
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parley_kit import processes
from parley_kit.errors import SettingsError

log = logging.getLogger("parley.downloads")

_CHILD = "parley_kit.download_child"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_CHILD_KEEPS = ("HF_", "HUGGINGFACE_", "XDG_", "HOME", "SSL_", *_PROXIES, *map(str.lower, _PROXIES))
_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_LOG_EVERY = 0.1
_LOG_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Files of a repository at the hub.

    Args:
        files: patterns of their names; of alternatives, `a|b`, those of the first that the
            repository has. Where no pattern names a directory, none is looked into.
        variable: the setting that chose the repository, which a refusal names.
    """

    repository: str
    files: Sequence[str]
    variable: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a network may take to come back."""

    stalled_s: float = 300.0
    """Seconds in which nothing comes."""
    pauses_s: Sequence[float] = (2.0, 5.0, 15.0, 30.0)
    """Before each further attempt."""


class Download:
    """How far a download is."""

    def __init__(self) -> None:
        self.done_bytes = 0
        self.total_bytes = 0
        self._logged = 0.0
        self._logged_at = time.monotonic()

    def begin(self, bytes_: int) -> None:
        """So much is missing; less than the first time where an attempt follows another."""
        self.total_bytes = max(self.total_bytes, bytes_)
        self.done_bytes = self.total_bytes - bytes_
        if bytes_:
            self._log()

    def advance(self, bytes_: int) -> None:
        self.done_bytes += bytes_
        if self._logged < 1.0 and self._share >= min(1.0, self._logged + _LOG_EVERY):
            self._logged = self._share
            self._log()
        elif time.monotonic() > self._logged_at + _LOG_EVERY_S:
            self._log()

    def finish(self) -> None:
        """All is there; of small files the hub's client does not tell."""
        self.advance(max(0, self.total_bytes - self.done_bytes))

    def status(self) -> dict[str, object] | None:
        """Megabytes and percent; None where nothing has to be downloaded."""
        if not self.total_bytes:
            return None
        return {
            "done_mb": round(min(self.done_bytes, self.total_bytes) / 1e6, 1),
            "total_mb": round(self.total_bytes / 1e6, 1),
            "percent": int(100 * self._share),
        }

    @property
    def _share(self) -> float:
        return min(1.0, self.done_bytes / self.total_bytes) if self.total_bytes else 0.0

    def _log(self) -> None:
        self._logged_at = time.monotonic()
        log.info("downloading the model", extra={"data": self.status()})


class _TryAgain(Exception):
    """The network failed, or the hub; says how."""


def is_repository(name: str) -> bool:
    """Whether a name has the form `owner/name`."""
    return _REPOSITORY.fullmatch(name) is not None


async def fetch(wanted: Wanted, download: Download, patience: Patience | None = None) -> Path:
    """The directory of the files in the cache, after a download where one is needed.

    Args:
        download: told of the progress.

    Raises:
        SettingsError: they cannot be had.
    """
    patience = patience or Patience()
    for pause_s in patience.pauses_s:
        try:
            return await _attempt(wanted, download, patience.stalled_s)
        except _TryAgain as exc:
            told = {"data": {"why": str(exc), "again_in_s": pause_s}}
            log.warning("%s could not be downloaded", wanted.repository, extra=told)
        await asyncio.sleep(pause_s)
    try:
        return await _attempt(wanted, download, patience.stalled_s)
    except _TryAgain as exc:
        attempts = len(patience.pauses_s) + 1
        raise SettingsError(
            f"{wanted.variable}: {wanted.repository} is not in the cache and could not be "
            f"downloaded in {attempts} attempts: {exc}. Start again with a way to the hub, or "
            "give the directory of a model."
        ) from None


async def _attempt(wanted: Wanted, download: Download, stalled_s: float) -> Path:
    child = await processes.spawn(_CHILD, wanted.repository, *wanted.files, keep=_CHILD_KEEPS)
    try:
        return await _follow(child, wanted.variable, download, stalled_s)
    finally:
        await processes.end(child)


async def _follow(child: Process, variable: str, download: Download, stalled_s: float) -> Path:
    assert child.stdout is not None
    while line := await _line(child.stdout, stalled_s):
        match json.loads(line):
            case {"total": int(total)}:
                download.begin(total)
            case {"done": int(done)}:
                download.advance(done)
            case {"path": str(path)}:
                download.finish()
                return Path(path)
            case {"refused": str(why)}:
                raise SettingsError(f"{variable}: {why}.")
            case {"failed": str(why)}:
                raise _TryAgain(why)
    raise _TryAgain("the download ended without a model")


async def _line(lines: asyncio.StreamReader, stalled_s: float) -> bytes:
    try:
        async with asyncio.timeout(stalled_s):
            return await lines.readline()
    except TimeoutError:
        raise _TryAgain(f"nothing has come for {stalled_s:g} s") from None
