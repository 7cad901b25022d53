"""Where the model is: in a directory, or in the Hugging Face cache after a download."""

import asyncio
from pathlib import Path

from parley_kit import downloads
from parley_kit.downloads import Download
from parley_kit.errors import SettingsError

_VARIABLE = "STT_MODEL"
_REQUIRED = ("model.bin", "config.json", "tokenizer.json")
_FILES = (*_REQUIRED, "preprocessor_config.json", "vocabulary.*")


def repository(model: str) -> str | None:
    """The repository that a name or the name of a repository stands for; None for a path."""
    from faster_whisper.utils import _MODELS  # its only list of them

    found: str | None = _MODELS.get(model)
    return found or (model if downloads.is_repository(model) else None)


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
            f"{_VARIABLE}: {model} is no Whisper model in CTranslate2's format: it lacks "
            f"{', '.join(missing)}."
        )
    return directory


def _directory(model: str) -> Path | None:
    directory = Path(model).expanduser()
    return directory if directory.is_dir() else None


def _missing_in(directory: Path) -> list[str]:
    return [name for name in _REQUIRED if not (directory / name).is_file()]


async def _downloaded(model: str, download: Download) -> Path:
    name = repository(model)
    if name is None:
        raise SettingsError(
            f"{_VARIABLE}: {model} is no directory, no repository (owner/name) and no name of a "
            "Whisper model, such as large-v3-turbo, small or tiny.en."
        )
    return await downloads.fetch(name, _FILES, _VARIABLE, download)
