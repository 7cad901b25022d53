"""Fixtures that all tests share."""

import pytest

_SETTINGS = (
    "API_KEYS", "API_KEYS_FILE", "OPENAI_API_KEY", "ALLOW_ANONYMOUS", "OPENAI_BASE_URL",
    "LISTEN_HOST", "LISTEN_PORT", "LOG_FORMAT", "LOG_LEVEL",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """A property holds or does not, however busy the machine is."""
    if not config.pluginmanager.hasplugin("hypothesispytest"):
        return  # beside vLLM
    from hypothesis import HealthCheck, settings

    settings.register_profile("parley", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("parley")


@pytest.fixture(autouse=True)
def _environment_of_a_newcomer(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on what the developer's shell exports."""
    for name in _SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def anyio_backend() -> str:
    """Async tests (`@pytest.mark.anyio`) run on asyncio."""
    return "asyncio"
