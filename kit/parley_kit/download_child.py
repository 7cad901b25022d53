"""Downloads a model into the Hugging Face cache; a process of its own, which can be killed.

    python -m parley_kit.download_child <repository> <pattern of file names>...

Writes JSON lines: `{"total": bytes}`, `{"done": bytes}` each time that some have come, and at last
`{"path": directory}` or `{"refused": why}`.
"""

import json
import os
import sys
from contextlib import suppress
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    DryRunError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from tqdm import tqdm

from parley_kit.confinement import confine


class Bar(tqdm):  # type: ignore[misc]  # it has no types
    """What huggingface_hub takes for a progress bar; tells instead of drawing.

    It makes two bars of bytes, one for the network and one for the disk; the second always moves.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._counts = str(kwargs.get("desc", "")).startswith("Reconstructing")
        super().__init__(*args, **{**kwargs, "disable": True})

    def update(self, n: float | None = 1) -> None:
        if self._counts and n:
            tell(done=int(n))


def tell(**news: object) -> None:
    """In one write: several threads download."""
    os.write(sys.stdout.fileno(), json.dumps(news).encode() + b"\n")


def download(name: str, patterns: list[str]) -> None:
    with suppress(DryRunError):  # without a network the cache may have it all the same
        files = snapshot_download(name, allow_patterns=patterns, dry_run=True)
        tell(total=sum(file.file_size or 0 for file in files if file.will_download))
    tell(path=snapshot_download(name, allow_patterns=patterns, tqdm_class=Bar))


def main() -> None:
    confine()
    name, *patterns = sys.argv[1:]
    try:
        download(name, patterns)
    except (HFValidationError, RepositoryNotFoundError):
        tell(refused=f"there is no model {name} to download")
    except LocalEntryNotFoundError:
        tell(
            refused=f"{name} is not in the cache and cannot be downloaded from here; give the "
            "directory of a model, or start once with a way to the internet"
        )
    except OSError as exc:
        tell(refused=f"{name} could not be downloaded: {exc}")


if __name__ == "__main__":
    main()
