"""Models from the Hugging Face hub: into its cache, in a child process, with progress to look at.

In a child, because who is cancelled here must not wait for a network that hangs. It needs the
package `huggingface_hub`, which every engine brings that has models there.
"""

import asyncio
import json
import logging
import re
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path

from parley_kit import processes
from parley_kit.errors import SettingsError

log = logging.getLogger("parley.downloads")

_CHILD = "parley_kit.download_child"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_CHILD_KEEPS = ("HF_", "HUGGINGFACE_", "XDG_", "HOME", "SSL_", *_PROXIES, *map(str.lower, _PROXIES))
_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_STALLED_S = 300.0
_LOG_EVERY = 0.1


class Download:
    """How far a download is."""

    def __init__(self) -> None:
        self.done_bytes = 0
        self.total_bytes = 0
        self._logged = 0.0

    def advance(self, bytes_: int) -> None:
        self.done_bytes += bytes_
        if self._share >= min(1.0, self._logged + _LOG_EVERY):
            self._logged = self._share
            log.info("downloading the model", extra={"data": self.status()})

    def finish(self) -> None:
        """All is there; of small files the hub's client does not tell."""
        self.advance(max(0, self.total_bytes - self.done_bytes))

    def status(self) -> dict[str, object] | None:
        """Megabytes and percent; None where nothing has to be downloaded."""
        if not self.total_bytes:
            return None
        return {
            "done_mb": round(self.done_bytes / 1e6, 1),
            "total_mb": round(self.total_bytes / 1e6, 1),
            "percent": round(100 * self._share),
        }

    @property
    def _share(self) -> float:
        return min(1.0, self.done_bytes / self.total_bytes) if self.total_bytes else 0.0


def is_repository(name: str) -> bool:
    """Whether a name has the form `owner/name`."""
    return _REPOSITORY.fullmatch(name) is not None


async def fetch(repository: str, files: Sequence[str], variable: str, download: Download) -> Path:
    """The directory of the files in the cache, after a download where one is needed.

    Args:
        files: patterns of their names.
        variable: the setting that a refusal names.
        download: told of the progress.

    Raises:
        SettingsError: they cannot be had.
    """
    child = await processes.spawn(_CHILD, repository, *files, keep=_CHILD_KEEPS)
    try:
        return await _follow(child, variable, download)
    finally:
        await processes.end(child)


async def _follow(child: Process, variable: str, download: Download) -> Path:
    assert child.stdout is not None
    while line := await _line(child.stdout, variable):
        match json.loads(line):
            case {"total": int(total)}:
                download.total_bytes = total
            case {"done": int(done)}:
                download.advance(done)
            case {"path": str(path)}:
                download.finish()
                return Path(path)
            case {"refused": str(why)}:
                raise SettingsError(f"{variable}: {why}.")
    raise SettingsError(f"{variable}: the download ended without a model.")


async def _line(lines: asyncio.StreamReader, variable: str) -> bytes:
    try:
        async with asyncio.timeout(_STALLED_S):
            return await lines.readline()
    except TimeoutError:
        raise SettingsError(
            f"{variable}: the download has not moved for {_STALLED_S:g} s."
        ) from None
