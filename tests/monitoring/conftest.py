"""One stack for all tests of the monitoring."""

from collections.abc import Iterator

import pytest

from tests.monitoring.stack import Stack, stack


@pytest.fixture(scope="session")
def used_stack() -> Iterator[Stack]:
    with stack() as running:
        running.use()
        yield running
