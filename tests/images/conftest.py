"""The images, each built and surveyed once; skipped, and said so, without a Docker engine."""

import pytest

from parley.bench.compose_stack import docker
from tests.compose.conftest import compose_plugin, docker_engine
from tests.images.building import BASE, RECIPES, Image, build, examine
from tests.images.survey import COMMANDS

__all__ = ["compose_plugin", "docker_engine"]


@pytest.fixture(scope="session")
def base(docker_engine: None) -> Image:
    """What all of them are built on, looked at by their user."""
    return examine("base", BASE, COMMANDS, "--user", "10001:10001")


@pytest.fixture(scope="module", params=RECIPES)
def image(docker_engine: None, request: pytest.FixtureRequest) -> Image:
    tag = build(request.param)
    examined = examine(request.param, tag, COMMANDS)
    docker("image", "rm", "--no-prune", tag)
    return examined
