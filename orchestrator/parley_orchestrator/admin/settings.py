"""Settings of the admin page (`ADMIN_*`)."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from parley_kit.settings import ServiceSettings, load

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class AdminSettings(ServiceSettings):
    """A service like the others, with a port of its own beside the worker's."""

    model_config = SettingsConfigDict(env_prefix="ADMIN_")

    listen_port: int = Field(8082, ge=0, le=65535, validation_alias="ADMIN_PORT")
    max_concurrency: int = Field(16, ge=1, le=1_000)
    max_queue: int = Field(0, ge=0, le=1_000)
    max_in_flight_per_key: int = Field(16, ge=1, le=1_000)
    request_timeout_s: float = Field(600.0, gt=0, le=3_600)

    probe_interval_s: float = Field(5.0, gt=0, le=3_600)
    probe_timeout_s: float = Field(2.0, gt=0, le=60)


def load_admin() -> AdminSettings:
    """The settings, with the rule of `make up` for keys.

    On loopback no key is needed unless one is set for callers; `OPENAI_API_KEY` is there to call
    the stack with.

    Raises:
        SettingsError: names each wrong variable.
    """
    settings = load(AdminSettings)
    if settings.listen_host not in _LOOPBACK:
        return settings
    return load(AdminSettings, openai_api_key="", allow_anonymous=True)
