"""Tests that need nginx are skipped where there is none, or fail where it is required."""

import os

import pytest

from parley.bench.gateway_nginx import nginx

_MISSING = "nginx is not installed: the gateway and its page are not tested (Debian: nginx-light)"


def require_nginx() -> None:
    """With `PARLEY_REQUIRE_NGINX=1`, as where a change has to pass, its absence is a failure."""
    if nginx() is not None:
        return
    if os.environ.get("PARLEY_REQUIRE_NGINX") == "1":
        pytest.fail(_MISSING, pytrace=False)
    pytest.skip(_MISSING)
