"""Where there is no nginx these tests are skipped, with one line, or fail where it is required."""

import os
from pathlib import Path

import pytest

from parley.bench.gateway_nginx import nginx

_HERE = Path(__file__).parent
_MISSING = "nginx is not installed: the gateway is not tested (Debian: nginx-light)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if nginx() is not None:
        return
    required = os.environ.get("PARLEY_REQUIRE_NGINX") == "1"
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.usefixtures("missing") if required else _skip())


def _skip() -> pytest.MarkDecorator:
    return pytest.mark.skip(reason=_MISSING)


@pytest.fixture
def missing() -> None:
    pytest.fail(_MISSING)
