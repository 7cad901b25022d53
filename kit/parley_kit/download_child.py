"""Downloads a model into the Hugging Face cache; a process of its own, which can be killed.

    python -m parley_kit.download_child <repository> <pattern of file names>...

Of alternatives, `a|b`, it takes the first that the repository has. Writes JSON lines:
`{"total": bytes}`, `{"done": bytes}` each time that some have come, and at last
`{"path": directory}`, `{"refused": why}`, or `{"failed": why}` where another attempt may succeed.
"""

import errno
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from itertools import product
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.constants import HF_HUB_OFFLINE
from huggingface_hub.errors import (
    DryRunError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from tqdm import tqdm

from parley_kit.confinement import confine

_HERE_FOR_GOOD = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
_NOT_THERE = (401, 404)
_WORTH_ANOTHER_ATTEMPT = (408, 429)
# What a killed process left is not written to any more.
_ABANDONED_AFTER_S = 120.0


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


def download(name: str, patterns: Sequence[str]) -> None:
    found = cached(name, patterns)
    if found is None:
        chosen = choose(name, patterns)
        if chosen is None:
            tell(refused=f"{name} lacks {missing_from(patterns)}")
            return
        found = Path(snapshot_download(name, tqdm_class=Bar, **selection(chosen)))
    sweep(found.parents[1] / "blobs")
    tell(path=str(found))


def cached(name: str, patterns: Sequence[str]) -> Path | None:
    """Where all of it is already; nobody is asked."""
    for chosen in choices(patterns):
        with suppress(LocalEntryNotFoundError):
            found = Path(snapshot_download(name, local_files_only=True, **selection(chosen)))
            if decide((file.name for file in found.iterdir()), patterns, chosen):
                return found
    return None


def choose(name: str, patterns: Sequence[str]) -> Sequence[str] | None:
    """The patterns to download, after saying how much that is; None: there is no such file."""
    for chosen in choices(patterns):
        files = snapshot_download(name, dry_run=True, **selection(chosen))
        if decide((file.filename for file in files), patterns, chosen):
            tell(total=sum(file.file_size or 0 for file in files if file.will_download))
            return chosen
    return None


def choices(patterns: Sequence[str]) -> Iterator[Sequence[str]]:
    """The patterns with each of their alternatives, the first ones first."""
    return product(*(pattern.split("|") for pattern in patterns))


def decide(names: Iterable[str], patterns: Sequence[str], chosen: Sequence[str]) -> bool:
    """Whether there is a file of each alternative that was chosen."""
    there = list(names)
    decided = [one for one, given in zip(chosen, patterns, strict=True) if one != given]
    return all(any(fnmatch(name, one) for name in there) for one in decided)


def selection(chosen: Sequence[str]) -> Mapping[str, Any]:
    """For the hub's client, whose `*` goes into directories as well."""
    flat = not any("/" in pattern for pattern in chosen)
    return {"allow_patterns": list(chosen), "ignore_patterns": "*/*" if flat else None}


def missing_from(patterns: Sequence[str]) -> str:
    return " and ".join(pattern.replace("|", " or ") for pattern in patterns if "|" in pattern)


def sweep(blobs: Path) -> None:
    """Remove what killed downloads have left: nobody continues them.

    Theirs and those that another process is at now look the same but for the time of the last
    write, so one that was killed a moment ago is left to the next start.
    """
    for file in blobs.glob("*.incomplete"):
        with suppress(OSError):
            if file.stat().st_mtime < time.time() - _ABANDONED_AFTER_S:
                file.unlink()


def verdict(name: str, exc: BaseException) -> Mapping[str, str]:
    """What to tell of a failure; never its own words, which may hold addresses with signatures."""
    match exc:
        case DryRunError() if exc.__cause__ is not None:
            return verdict(name, exc.__cause__)
        case GatedRepoError():
            return {"refused": f"{name} needs an HF_TOKEN to which the hub has granted access"}
        case HFValidationError() | RepositoryNotFoundError():
            return _of_status(name, 404)
        case HfHubHTTPError():
            return _of_status(name, exc.response.status_code)
        case OfflineModeIsEnabled() | LocalEntryNotFoundError() if HF_HUB_OFFLINE:
            return {"refused": f"{name} is not in the cache, and HF_HUB_OFFLINE forbids to ask"}
        case OSError() if exc.errno in _HERE_FOR_GOOD:
            return {"refused": f"{name} could not be written: {os.strerror(exc.errno)}"}
    return {"failed": f"the hub cannot be reached ({type(exc).__name__})"}


def _of_status(name: str, status: int) -> Mapping[str, str]:
    if status in _NOT_THERE:
        return {"refused": f"there is no model {name} to download, or not for this HF_TOKEN"}
    if status < 500 and status not in _WORTH_ANOTHER_ATTEMPT:
        return {"refused": f"the hub refuses {name} with status {status}"}
    return {"failed": f"the hub answered with status {status}"}


def main() -> None:
    confine()
    name, *patterns = sys.argv[1:]
    try:
        download(name, patterns)
    except Exception as exc:  # noqa: BLE001  the parent is told, whatever it is
        tell(**verdict(name, exc))


if __name__ == "__main__":
    main()
