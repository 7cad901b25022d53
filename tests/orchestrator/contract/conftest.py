"""Every test that takes a `wire` runs once for each transport."""

import pytest

from tests.orchestrator.contract.wire import Wire
from tests.orchestrator.contract.wires import WIRES


@pytest.fixture(params=WIRES, ids=lambda wire: wire.name)
def wire(request: pytest.FixtureRequest) -> Wire:
    chosen: Wire = request.param
    return chosen
