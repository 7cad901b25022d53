"""What the tests of the orchestrator share."""

import os
from collections.abc import Iterator

import pytest
from pydantic import AliasChoices

from parley_orchestrator.admin.settings import AdminSettings
from parley_orchestrator.settings import OrchestratorSettings

_PREFIXES = ("ORCHESTRATOR_", "ADMIN_", "LIVEKIT_")


def _names() -> Iterator[str]:
    for field in (
        *OrchestratorSettings.model_fields.values(),
        *AdminSettings.model_fields.values(),
    ):
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            yield from map(str, alias.choices)
        elif isinstance(alias, str):
            yield alias
    yield from (name for name in os.environ if name.startswith(_PREFIXES))


@pytest.fixture(autouse=True)
def _no_worker_of_the_developers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither their chain nor their server of LiveKit's, which `test_room` alone calls."""
    for name in list(_names()):
        monkeypatch.delenv(name, raising=False)
