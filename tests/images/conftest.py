"""The images, each built once; without a Docker engine what needs them is skipped, and says so."""

from collections.abc import Iterator

import pytest

from parley.bench.compose_stack import docker
from tests.compose.conftest import compose_plugin, docker_engine
from tests.images.building import RECIPES, Image, build

__all__ = ["compose_plugin", "docker_engine"]


@pytest.fixture(scope="module", params=RECIPES)
def image(docker_engine: None, request: pytest.FixtureRequest) -> Iterator[Image]:
    built = build(request.param)
    yield built
    docker("image", "rm", "--no-prune", built.tag)
