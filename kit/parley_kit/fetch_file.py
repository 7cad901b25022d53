"""Fetches one file of the hub for a server that is not ours, and puts it where that looks.

python -m parley_kit.fetch_file <service> <repository> <file> <path of a link to it>
"""

import os
import sys
from pathlib import Path

from parley_kit import fetching
from parley_kit.downloads import Wanted
from parley_kit.errors import SettingsError
from parley_kit.logging import configure
from parley_kit.settings import ServiceSettings, load


def main(service: str, repository: str, file: str, link: str) -> int:
    """
    Args:
        service: below whose name the progress is told.

    Returns:
        The exit status.
    """

    def put(directory: Path) -> None:
        place(directory / file, Path(link))

    try:
        settings = load(ServiceSettings, allow_anonymous=True)
        configure(settings.log_format, settings.log_level)
        wanted = Wanted(repository, (file,), "the model to fetch")
        return fetching.run(service, settings, wanted, put)
    except SettingsError as exc:
        print(exc, file=sys.stderr)  # noqa: T201  the one line that a person has to read
        return fetching.REFUSED


def place(file: Path, link: Path) -> None:
    """Make `link` lead to `file`, at once, whatever it was before.

    Raises:
        SettingsError: the file is not there, or nothing can be written beside the link.
    """
    if not file.is_file():
        raise SettingsError(f"The repository has no file {file.name}.")
    beside = link.with_name(f".{link.name}.{os.getpid()}")
    try:
        beside.symlink_to(os.path.relpath(file, link.parent))
        beside.replace(link)
    except OSError as exc:
        raise SettingsError(f"{link} cannot be written: {exc.strerror}.") from exc


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
