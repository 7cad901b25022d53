"""The names in an `.env`: those that nothing reads, with the one that was probably meant."""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches

from parley.doctor.dotenv import EnvFile
from parley.doctor.findings import Line, warning

# What Docker's own programs, their libraries and Hugging Face's read.
_FOREIGN = re.compile(
    r"(COMPOSE|DOCKER|BUILDKIT|BUILDX|BUILDPACKS|HF|NVIDIA|CUDA|VLLM|OTEL)_[A-Z0-9_]+"
    r"|(HTTPS?|NO|ALL|FTP)_PROXY|TZ|PATH|HOME"
)
_PRINTABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_EXAMPLE_NAME = re.compile(r"^#? ?([A-Z][A-Z0-9_]*)=", re.MULTILINE)


def names_in(example: str) -> frozenset[str]:
    """The settings that an `.env.example` lists."""
    return frozenset(_EXAMPLE_NAME.findall(example))


def judge_names(file: EnvFile, known: Collection[str]) -> Iterator[Line]:
    """A line for each name that nothing reads, is there twice, or cannot be read."""
    for fault in file.faults:
        yield warning(
            f"line {fault.line} has {fault.what}",
            "Write NAME=value there; a value with # or $ in it belongs in single quotes.",
        )
    for entry in file.entries:
        if entry.has_gap:
            yield warning(
                f"line {entry.line} names a variable with $ that is not set, which leaves a gap "
                "in the value",
                "Put the value in single quotes if it is to contain a $.",
            )
    yield from _unknown(file, known)
    yield from _repeated(file)


def _unknown(file: EnvFile, known: Collection[str]) -> Iterator[Line]:
    for entry in file.entries:
        if entry.name in known or _FOREIGN.fullmatch(entry.name):
            continue
        # What is no name may be a secret that a line was broken in.
        name = entry.name if _PRINTABLE.fullmatch(entry.name) else "a name in small letters"
        near = get_close_matches(entry.name.upper(), known, n=1, cutoff=0.75)
        todo = f"Did you mean {near[0]}?" if near else "Remove it; .env.example has all names."
        yield warning(f"line {entry.line}: nothing reads {name}", todo)


def _repeated(file: EnvFile) -> Iterator[Line]:
    lost: dict[str, int] = {}
    for entry in file.entries:
        if entry.value and entry.value != file.values[entry.name]:
            lost.setdefault(entry.name, entry.line)
    for name, line in lost.items():
        if _PRINTABLE.fullmatch(name):
            yield warning(
                f"line {line}: {name} is set again further down, and that one counts",
                "Remove one of the two.",
            )
