"""All tests of this folder need nginx."""

import pytest

from tests.gateway.requirement import require_nginx


@pytest.fixture(autouse=True, scope="session")
def _nginx() -> None:
    require_nginx()
