"""The images of the demo stack, built under names of the tests, and looked into."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parley.bench.compose_stack import docker

ROOT = Path(__file__).parents[2]
BASE = "debian:bookworm-slim"
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
    """One that is built."""

    name: str
    tag: str

    @property
    def recipe(self) -> Recipe:
        return RECIPES[self.name]

    def config(self) -> Mapping[str, Any]:
        config: Mapping[str, Any] = _inspect(self.tag)["Config"]
        return config

    def bytes_above_base(self) -> int:
        return int(_inspect(self.tag)["Size"]) - int(_inspect(BASE)["Size"])

    def says(self, script: str) -> list[str]:
        """The lines that a shell writes in it, as the user whom it has."""
        return lines_of(self.tag, script)


def build(name: str) -> Image:
    """Mostly from layers that are there."""
    recipe = RECIPES[name]
    tag = f"parley-test/{name}:built"
    target = ("--target", recipe.target) if recipe.target else ()
    docker(
        "build", "--quiet", "--file", str(ROOT / recipe.dockerfile), *target,
        "--build-arg", f"REVISION={REVISION}", "--tag", tag, str(ROOT),
        timeout_s=900,
    )  # fmt: skip
    return Image(name, tag)


def lines_of(tag: str, script: str, *options: str) -> list[str]:
    """What a shell writes in a container of an image, without a network."""
    command = ("--entrypoint", "bash", tag, "-c", script)
    return docker("run", "--rm", "--network", "none", *options, *command).splitlines()


def _inspect(tag: str) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(docker("image", "inspect", tag))[0]
    return told
