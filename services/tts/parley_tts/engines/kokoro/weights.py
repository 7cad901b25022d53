"""Where the model is: in a directory, or in the Hugging Face cache after a download."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parley_kit import downloads
from parley_kit.downloads import Download, Wanted
from parley_kit.errors import SettingsError

_VARIABLE = "TTS_MODEL"
_PATTERNS = ("config.json", "*.pth", "voices/*.pt")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of a model that is there.

    Args:
        vocabulary: the id of each phoneme that it knows.
        voices: the file of each voice by its id.
    """

    directory: Path
    config: Path
    weights: Path
    vocabulary: Mapping[str, int]
    voices: Mapping[str, Path]

    def digest(self) -> str:
        """Of all that an export depends on."""
        digest = hashlib.sha256()
        for file in (self.config, self.weights, *(self.voices[v] for v in sorted(self.voices))):
            with file.open("rb") as content:
                digest.update(f"{file.name} {file.stat().st_size}\n".encode())
                digest.update(hashlib.file_digest(content, "sha256").digest())
        return digest.hexdigest()


def served_name(model: str) -> str:
    """What clients may call the model: never a path of this machine."""
    if downloads.is_repository(model) and not Path(model).is_dir():
        return model
    return Path(model).expanduser().resolve().name


def voices_in(model: str) -> list[str]:
    """The voices of a model that is a directory; none where it has to be downloaded first."""
    return [file.stem for file in (Path(model).expanduser() / "voices").glob("*.pt")]


def wanted(model: str) -> Wanted | None:
    """What has to be in the cache; None where the model is a directory.

    Raises:
        SettingsError: the name is neither a directory's nor a repository's.
    """
    if _directory(model).is_dir():
        return None
    if not downloads.is_repository(model):
        raise SettingsError(
            f"{_VARIABLE}: {model} is no directory and no repository (owner/name) of a Kokoro "
            "model, such as hexgrad/Kokoro-82M."
        )
    return Wanted(model, _PATTERNS, _VARIABLE)


async def find(model: str, download: Download) -> ModelFiles:
    """The model's files; a directory that exists is used without any look at the network.

    Raises:
        SettingsError: there is no such model, or it cannot be had.
    """
    needed = await asyncio.to_thread(wanted, model)
    directory = await downloads.fetch(needed, download) if needed else _directory(model)
    return await asyncio.to_thread(_files_in, directory, model)


def _directory(model: str) -> Path:
    return Path(model).expanduser()


def _files_in(directory: Path, model: str) -> ModelFiles:
    config, weights = directory / "config.json", sorted(directory.glob("*.pth"))
    voices = {file.stem: file for file in sorted((directory / "voices").glob("*.pt"))}
    present = {"config.json": config.is_file(), "*.pth": weights, "voices/*.pt": voices}
    missing = [name for name, found in present.items() if not found]
    if missing:
        raise SettingsError(
            f"{_VARIABLE}: {model} is no Kokoro model: it lacks {', '.join(missing)}."
        )
    if len(weights) > 1:
        raise SettingsError(
            f"{_VARIABLE}: {model} has more than one file of weights: "
            f"{', '.join(file.name for file in weights)}. Leave one."
        )
    return ModelFiles(directory, config, weights[0], _vocabulary(config), voices)


def _vocabulary(config: Path) -> Mapping[str, int]:
    try:
        match json.loads(config.read_bytes()):
            case {"vocab": dict(found)} if all(type(ident) is int for ident in found.values()):
                return found
    except ValueError as exc:
        raise SettingsError(f"{_VARIABLE}: config.json is no JSON.") from exc
    raise SettingsError(f"{_VARIABLE}: config.json has no vocabulary of phonemes (vocab).")
