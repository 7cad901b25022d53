"""The images of the demo stack, built under names of the tests, and looked into."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parley.bench.compose_stack import docker

ROOT = Path(__file__).parents[2]
BASE = "debian:bookworm-slim"
_HEAD = "=== "
REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    Args:
        lock: of what pip installs; none where there is no Python.
        most_mb: its size above the base, in MB (10^6 bytes).
    """

    dockerfile: str
    target: str
    lock: str
    most_mb: int


RECIPES: Mapping[str, Recipe] = {
    "gateway": Recipe("services/gateway/Dockerfile", "", "", 30),
    "stt": Recipe("services/stt/Dockerfile", "embedded", "stt-embedded", 450),
    "tts": Recipe("services/tts/Dockerfile", "embedded", "tts", 450),
    "llm": Recipe("services/llm/Dockerfile", "embedded", "llm", 80),
    "ws-llm": Recipe("services/ws-llm/Dockerfile", "", "ws-llm", 80),
    "orchestrator": Recipe("orchestrator/Dockerfile", "", "orchestrator", 450),
}


@dataclass(frozen=True, slots=True)
class Image:
    """One that is built.

    Args:
        seen: what the commands of a survey wrote in it, as the user whom it has; by their names.
        seen_by_root: the same, as root.
    """

    name: str
    config: Mapping[str, Any]
    bytes: int
    seen: Mapping[str, Sequence[str]]
    seen_by_root: Mapping[str, Sequence[str]]

    @property
    def recipe(self) -> Recipe:
        return RECIPES[self.name]


def build(name: str) -> str:
    """The tag of an image; mostly from layers that are there."""
    recipe = RECIPES[name]
    tag = f"parley-test/{name}:built"
    target = ("--target", recipe.target) if recipe.target else ()
    docker(
        "build", "--quiet", "--file", str(ROOT / recipe.dockerfile), *target,
        "--build-arg", f"REVISION={REVISION}", "--tag", tag, str(ROOT),
        timeout_s=900,
    )  # fmt: skip
    return tag


def examine(name: str, tag: str, commands: Mapping[str, str], *user: str) -> Image:
    """Look at an image from outside, and from within as a user and as root."""
    told = json.loads(docker("image", "inspect", tag))[0]
    return Image(
        name,
        config=told["Config"],
        bytes=told["Size"],
        seen=_survey(tag, commands, *user),
        seen_by_root=_survey(tag, commands, "--user", "0:0"),
    )


def _survey(tag: str, commands: Mapping[str, str], *user: str) -> Mapping[str, Sequence[str]]:
    """What each command writes in one container without a network."""
    script = "\n".join(f"echo '{_HEAD}{name}'\n{{ {one}\n}} 2>&1" for name, one in commands.items())
    told = docker(
        "run", "--rm", "--network", "none", *user, "--entrypoint", "bash", tag,
        "-c", f"{script}\nexit 0",
    )  # fmt: skip
    sections = (section.splitlines() for section in told.split(_HEAD)[1:])
    return {name: lines for name, *lines in sections}
