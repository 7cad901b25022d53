"""Where the model is: in a directory, or in the Hugging Face cache after a download."""

import asyncio
import json
import logging
import re
from asyncio.subprocess import Process
from pathlib import Path

from parley_kit.errors import SettingsError
from parley_stt import processes

log = logging.getLogger("parley.stt.weights")

_REQUIRED = ("model.bin", "config.json", "tokenizer.json")
_CHILD = "parley_stt.engines.whisper.download_child"
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


def repository(model: str) -> str | None:
    """The repository that a name or the name of a repository stands for; None for a path."""
    from faster_whisper.utils import _MODELS  # its only list of them

    found: str | None = _MODELS.get(model)
    return found or (model if _REPOSITORY.fullmatch(model) else None)


async def find(model: str, download: Download) -> Path:
    """The directory of the model; one that exists is used without any look at the network.

    Raises:
        SettingsError: there is no such model, or it cannot be had.
    """
    directory = await asyncio.to_thread(_directory, model)
    if directory is None:
        directory = await _downloaded(model, download)
    missing = await asyncio.to_thread(_missing_in, directory)
    if missing:
        raise SettingsError(
            f"STT_MODEL: {model} is no Whisper model in CTranslate2's format: it lacks "
            f"{', '.join(missing)}."
        )
    return directory


def _directory(model: str) -> Path | None:
    directory = Path(model).expanduser()
    return directory if directory.is_dir() else None


def _missing_in(directory: Path) -> list[str]:
    return [name for name in _REQUIRED if not (directory / name).is_file()]


async def _downloaded(model: str, download: Download) -> Path:
    """In a child, because who is cancelled here must not wait for a network that hangs."""
    name = repository(model)
    if name is None:
        raise SettingsError(
            f"STT_MODEL: {model} is no directory, no repository (owner/name) and no name of a "
            "Whisper model, such as large-v3-turbo, small or tiny.en."
        )
    child = await processes.spawn(_CHILD, name, keep=_CHILD_KEEPS)
    try:
        return await _follow(child, download)
    finally:
        await processes.end(child)


async def _follow(child: Process, download: Download) -> Path:
    assert child.stdout is not None
    while line := await _line(child.stdout):
        match json.loads(line):
            case {"total": int(total)}:
                download.total_bytes = total
            case {"done": int(done)}:
                download.advance(done)
            case {"path": str(path)}:
                return Path(path)
            case {"refused": str(why)}:
                raise SettingsError(f"STT_MODEL: {why}.")
    raise SettingsError("STT_MODEL: the download ended without a model.")


async def _line(lines: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(_STALLED_S):
            return await lines.readline()
    except TimeoutError:
        raise SettingsError(
            f"STT_MODEL: the download has not moved for {_STALLED_S:g} s."
        ) from None
