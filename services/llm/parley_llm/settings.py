"""Settings of the LLM service (`LLM_*`)."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from parley_kit.settings import Names, ServiceSettings


class LlmSettings(ServiceSettings):
    """`LLM_ENGINE` chooses the engine; the rest are what each engine needs, and limits."""

    model_config = SettingsConfigDict(env_prefix="LLM_")

    engine: Literal["scripted", "proxy"] = "scripted"
    served_models: Names = ("qwen2-5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct")

    # Limits of the service and of a request
    max_concurrency: int = Field(64, ge=1, le=10_000)
    max_queue: int = Field(64, ge=0, le=100_000)
    max_messages: int = Field(512, ge=1)
    max_completion_tokens: int = Field(1024, ge=1)
    max_n: int = Field(4, ge=1, le=128)

    # scripted
    scripted_tokens_per_s: float = Field(0.0, ge=0)

    # proxy
    upstream_url: str = ""
    upstream_api_key: SecretStr = SecretStr("")
    upstream_model: str = ""
    connect_timeout_s: float = Field(5.0, gt=0, le=60)
    first_byte_timeout_s: float = Field(60.0, gt=0, le=3600)
    stall_timeout_s: float = Field(15.0, gt=0, le=3600)

    @model_validator(mode="after")
    def _a_proxy_has_an_upstream(self) -> Self:
        if self.engine == "proxy":
            url = urlsplit(self.upstream_url)
            if url.scheme not in ("http", "https") or not url.hostname:
                raise ValueError(
                    "LLM_ENGINE=proxy needs LLM_UPSTREAM_URL, for instance http://127.0.0.1:8080/v1"
                )
        return self
