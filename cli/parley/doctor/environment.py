"""The settings of a stack as this machine has them: an `.env`, the shell, files with secrets."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic_settings import BaseSettings

from parley.doctor.access import SecretFile
from parley.doctor.dotenv import EnvFile, parse
from parley.doctor.names import names_in
from parley.doctor.redaction import is_secret
from parley.doctor.settings import SERVICES, orchestrator_settings, variables

EXAMPLE = ".env.example"
_CHECKOUT = Path(__file__).parents[3]
_KEY_LIST = "API_KEYS_FILE"


@dataclass(frozen=True, slots=True)
class Environment:
    """
    Args:
        file: what the `.env` holds; None if there is none, or it cannot be read.
        trouble: why it cannot be read.
        values: with the shell's on top, as Compose takes them; empty ones are left out.
        secrets: the same, with what secret files hold in the places of the settings that it is
            for; at `API_KEYS_FILE` is what that file holds.
        secret_files: files that hold secrets, the `.env` first.
    """

    path: Path
    file: EnvFile | None
    trouble: str
    known: frozenset[str]
    shell: Mapping[str, str]
    values: Mapping[str, str]
    secrets: Mapping[str, str]
    secret_files: tuple[SecretFile, ...]


def read_environment(path: Path, shell: Mapping[str, str]) -> Environment:
    """Read all that is there; nothing is raised for what is not."""
    text, trouble = _read(path)
    file = None if text is None else parse(text, shell)
    example = _read(path.parent / EXAMPLE)[0] or _read(_CHECKOUT / EXAMPLE)[0] or ""
    known = frozenset({*_settings(), *names_in(example)})
    exported = {name: value for name, value in shell.items() if name in known}
    merged = {**(file.values if file else {}), **exported}
    values = {name: value for name, value in merged.items() if value}
    files = tuple(_secret_files(path, values, is_there=file is not None))
    return Environment(
        path=path,
        file=file,
        trouble=trouble,
        known=known,
        shell=exported,
        values=values,
        secrets={**values, **_contents(files, values)},
        secret_files=files,
    )


def _read(path: Path) -> tuple[str | None, str]:
    try:
        return path.read_text(encoding="utf-8"), ""
    except OSError as exc:
        return None, exc.strerror or type(exc).__name__
    except UnicodeDecodeError:
        return None, "it is no text in UTF-8"


def _classes() -> Iterator[type[BaseSettings]]:
    yield from SERVICES.values()
    yield from orchestrator_settings()


def _settings() -> Iterator[str]:
    for cls in _classes():
        for names in variables(cls).values():
            yield from names


def _secret_files(path: Path, values: Mapping[str, str], *, is_there: bool) -> Iterator[SecretFile]:
    if is_there:
        yield SecretFile(".env", path, for_containers=False)
    for name, value in values.items():
        if name.endswith("_FILE") and is_secret(name):
            place = Path(os.path.expanduser(value))
            yield SecretFile(name, path.parent / place, for_containers=True)


def _contents(files: Iterable[SecretFile], values: Mapping[str, str]) -> dict[str, str]:
    """What the files hold, by the setting that it is for; one that is set itself wins."""
    found = {}
    for file in files:
        name = file.variable
        setting = name if name == _KEY_LIST else name.removesuffix("_FILE")
        is_wanted = file.for_containers and (name == setting or setting not in values)
        text, _ = _read(file.path) if is_wanted else (None, "")
        if text is not None:
            found[setting] = text.strip()
    return found
