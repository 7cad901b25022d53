"""Where the model is: in a directory, or in the Hugging Face cache after a download."""

import logging
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from parley_kit.errors import SettingsError

log = logging.getLogger("parley.stt.weights")

_FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")
_REQUIRED = ("model.bin", "config.json", "tokenizer.json")
_LOG_EVERY = 0.1


class Download:
    """How far a download is; written by its threads, read by `/status`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logged = 0.0
        self.done_bytes = 0
        self.total_bytes = 0
        self.cancelled = False

    def advance(self, bytes_: int) -> None:
        """
        Raises:
            SettingsError: the download is not wanted any more.
        """
        if self.cancelled:
            raise SettingsError("The download was cancelled.")
        with self._lock:
            self.done_bytes += bytes_
            if self._share < min(1.0, self._logged + _LOG_EVERY):
                return
            self._logged = self._share
        log.info("downloading the model", extra={"data": self.status()})

    def status(self) -> dict[str, object]:
        """Megabytes and percent; zeros where nothing had to be downloaded."""
        return {
            "done_mb": round(self.done_bytes / 1e6, 1),
            "total_mb": round(self.total_bytes / 1e6, 1),
            "percent": round(100 * self._share),
        }

    @property
    def _share(self) -> float:
        return min(1.0, self.done_bytes / self.total_bytes) if self.total_bytes else 0.0


def repository(model: str) -> str | None:
    """The repository behind one of faster-whisper's short names; None for any other name."""
    from faster_whisper.utils import _MODELS  # its only list of them

    found: str | None = _MODELS.get(model)
    return found


def find(model: str, download: Download) -> Path:
    """The directory of the model; one that exists is used without any look at the network.

    Raises:
        SettingsError: there is no such model, or it cannot be had.
    """
    directory = Path(model)
    if not directory.is_dir():
        directory = _fetched(repository(model) or model, download)
    missing = [name for name in _REQUIRED if not (directory / name).is_file()]
    if missing:
        raise SettingsError(
            f"STT_MODEL: {model} is no Whisper model in CTranslate2's format: "
            f"{', '.join(missing)} is missing."
        )
    return directory


def _fetched(name: str, download: Download) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        DryRunError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    if "/" not in name:
        raise SettingsError(
            f"STT_MODEL: {name} is no directory, no repository and no name of a Whisper model."
        )
    try:
        with suppress(DryRunError):  # without a network the cache may have it all the same
            files = snapshot_download(name, allow_patterns=[*_FILES], dry_run=True)
            download.total_bytes = sum(file.file_size or 0 for file in files if file.will_download)
        path = snapshot_download(name, allow_patterns=[*_FILES], tqdm_class=_bar(download))
    except (HFValidationError, RepositoryNotFoundError) as exc:
        raise SettingsError(f"STT_MODEL: there is no model {name} to download.") from exc
    except LocalEntryNotFoundError as exc:
        raise SettingsError(
            f"STT_MODEL: {name} is not in the cache and cannot be downloaded from here. Give the "
            "directory of a model, or start once with a way to the internet."
        ) from exc
    except OSError as exc:
        raise SettingsError(f"STT_MODEL: {name} could not be downloaded: {exc}.") from exc
    return Path(path)


def _bar(download: Download) -> Any:
    """A progress bar, as huggingface_hub wants one, that draws nothing."""
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]  # it has no types
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            # It draws two bars of bytes, for the network and for the disk; the second always moves.
            self._counts = str(kwargs.get("desc", "")).startswith("Reconstructing")
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> None:
            if self._counts and n:
                download.advance(int(n))

    return Bar
