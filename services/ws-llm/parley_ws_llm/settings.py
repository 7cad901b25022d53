"""Settings of the WebSocket assistant (`WS_LLM_*`), and where its language model is."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from parley_kit.settings import ServiceSettings
from parley_kit.sockets import origins
from parley_kit.urls import service_url


class WsLlmSettings(ServiceSettings):
    """The upstream and the persona; the rest are limits."""

    model_config = SettingsConfigDict(env_prefix="WS_LLM_")

    # Upstream
    openai_base_url: str = Field("", validation_alias="OPENAI_BASE_URL")
    llm_base_url: str = Field("", validation_alias="LLM_BASE_URL")
    model: str = Field("qwen2-5-7b-instruct", validation_alias="OPENAI_LLM_MODEL")
    max_tokens: int = Field(400, ge=1, le=100_000)
    temperature: float = Field(0.6, ge=0, le=2)
    connect_timeout_s: float = Field(5.0, gt=0, le=60)
    first_token_timeout_s: float = Field(10.0, gt=0, le=300)
    stall_timeout_s: float = Field(10.0, gt=0, le=300)

    probe_interval_s: float = Field(10.0, gt=0, le=3_600)

    # Persona
    persona_file: Path | None = None
    region: str = ""

    # Who may connect
    allowed_origins: str = ""
    auth_timeout_s: float = Field(5.0, gt=0, le=60)

    # Limits of the service; 0 leaves a key's share to `shares`
    max_concurrency: int = Field(64, ge=1, le=10_000)
    max_queue: int = Field(64, ge=0, le=100_000)
    max_in_flight_per_key: int = Field(0, ge=0, le=100_000)
    max_connections: int = Field(512, ge=1, le=100_000)
    max_connections_per_key: int = Field(0, ge=0, le=100_000)

    # Limits of one connection
    max_message_bytes: int = Field(64 << 10, ge=1 << 10, le=1 << 20)
    max_messages_per_minute: int = Field(120, ge=1, le=100_000)
    max_in_flight_per_connection: int = Field(8, ge=1, le=1_000)
    max_turns: int = Field(32, ge=1, le=10_000)
    max_history_tokens: int = Field(6_000, ge=50, le=1_000_000)
    idle_timeout_s: float = Field(600.0, gt=0, le=86_400)
    send_timeout_s: float = Field(10.0, gt=0, le=300)

    @model_validator(mode="after")
    def _has_an_upstream(self) -> Self:
        if not self.openai_base_url and not self.llm_base_url:
            raise ValueError(
                "set OPENAI_BASE_URL (the LLM is then at {OPENAI_BASE_URL}/llm/v1) or LLM_BASE_URL"
            )
        return self

    @property
    def upstream_url(self) -> str:
        """Where the upstream's `chat/completions` is."""
        return self.llm_base_url.rstrip("/") or service_url(self.openai_base_url, "llm")

    @property
    def origins(self) -> frozenset[str]:
        return origins(self.allowed_origins.split(","))
