"""Versions of what Parley stands on: the least that will do, and why."""

import re
from dataclasses import dataclass
from typing import TypeAlias

from parley.doctor.findings import Line, failure, ok, warning

Version: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Needed:
    """The least version of a program, the reason for it, and how to get it."""

    program: str
    least: Version
    why: str
    how: str


DOCKER = Needed(
    "Docker Engine",
    (20, 10, 17),
    "its BuildKit builds our images and its engine gives containers the GPU they ask for",
    "Install Docker Engine: https://docs.docker.com/engine/install/ (`make up` needs none).",
)
COMPOSE = Needed(
    "Docker Compose",
    (2, 24, 4),
    "compose.demo.yml and compose.cpu.yml replace lists of docker-compose.yml with !override",
    "Install the Compose plugin: https://docs.docker.com/compose/install/linux/",
)
BUILDX = Needed(
    "Docker Buildx",
    (0, 10),
    "it builds the images",
    "Install the Buildx plugin: https://docs.docker.com/build/install-buildx/",
)
DRIVER = Needed(
    "NVIDIA driver",
    (580,),
    "vLLM's image and the speech engines carry CUDA 13",
    "Install driver 580 or newer: https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/",
)
PYTHONS = ((3, 11), (3, 12))


_VERSION = re.compile(r"\d+(?:\.\d+)+|\d+")


def version_in(text: str) -> Version | None:
    """The first version in what a program says of itself: `v2.26.1-4` gives (2, 26, 1)."""
    found = _VERSION.search(text)
    return tuple(int(part) for part in found[0].split(".")) if found else None


def spelled(version: Version) -> str:
    return ".".join(map(str, version))


def judge(needed: Needed, said: str) -> Line:
    """Whether what a program says of itself is new enough."""
    found = _VERSION.search(said)
    version = version_in(said)
    if found is None or version is None:
        return warning(
            f"{needed.program} does not tell its version",
            f"Make sure that it is {spelled(needed.least)} or newer.",
        )
    if version < needed.least:
        return failure(
            f"{found[0]} is older than {spelled(needed.least)}: {needed.why}", needed.how
        )
    return ok(found[0])


def judge_python(version: Version) -> Line:
    """Whether this Python is one that Parley is tested with."""
    if version[:2] in PYTHONS:
        return ok(spelled(version))
    return failure(
        f"{spelled(version)} is not one of {' and '.join(map(spelled, PYTHONS))}: "
        "the speech engines have wheels for no other",
        "Install Python 3.12 or 3.11 and run `make dev` again.",
    )
