"""Where the model is: in a directory, or in the Hugging Face cache after a download."""

import asyncio
from pathlib import Path

from parley_kit import downloads
from parley_kit.downloads import Download, Wanted
from parley_kit.errors import SettingsError

_VARIABLE = "STT_MODEL"
_REQUIRED = ("model.bin", "config.json", "tokenizer.json")
_FILES = (*_REQUIRED, "preprocessor_config.json", "vocabulary.*")


def repository(model: str) -> str | None:
    """The repository that a name or the name of a repository stands for; None for a path."""
    from faster_whisper.utils import _MODELS  # its only list of them

    found: str | None = _MODELS.get(model)
    return found or (model if downloads.is_repository(model) else None)


def wanted(model: str) -> Wanted | None:
    """What has to be in the cache; None where the model is a directory.

    Raises:
        SettingsError: the name is neither a directory's nor a model's.
    """
    if _directory(model).is_dir():
        return None
    name = repository(model)
    if name is None:
        raise SettingsError(
            f"{_VARIABLE}: {model} is no directory, no repository (owner/name) and no name of a "
            "Whisper model, such as large-v3-turbo, small or tiny.en."
        )
    return Wanted(name, _FILES, _VARIABLE)


async def find(model: str, download: Download) -> Path:
    """The directory of the model; one that exists is used without any look at the network.

    Raises:
        SettingsError: there is no such model, or it cannot be had.
    """
    needed = await asyncio.to_thread(wanted, model)
    directory = await downloads.fetch(needed, download) if needed else _directory(model)
    missing = await asyncio.to_thread(_missing_in, directory)
    if missing:
        raise SettingsError(
            f"{_VARIABLE}: {model} is no Whisper model in CTranslate2's format: it lacks "
            f"{', '.join(missing)}."
        )
    return directory


def _directory(model: str) -> Path:
    return Path(model).expanduser()


def _missing_in(directory: Path) -> list[str]:
    return [name for name in _REQUIRED if not (directory / name).is_file()]
