"""Settings of the LLM service (`LLM_*`)."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from parley_kit.settings import Names, ServiceSettings


class LlmSettings(ServiceSettings):
    """`LLM_ENGINE` chooses the engine; the rest are what each engine needs, and limits."""

    model_config = SettingsConfigDict(env_prefix="LLM_")

    engine: Literal["scripted", "proxy", "vllm"] = "scripted"
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
    probe_interval_s: float = Field(10.0, gt=0, le=3600)

    # vllm
    model: str = ""
    device: Literal["cuda", "cpu"] = "cuda"
    gpu_memory_gb: Literal["16", "24", "48", "80"] = Field("24", validation_alias="GPU_MEMORY_GB")
    context_tokens: int = Field(0, ge=0)
    kv_cache_gib: float = Field(0.0, ge=0)
    gpu_memory_share: float = Field(0.0, ge=0, le=1)
    quantization: str = ""
    tool_parser: str = "hermes"
    max_queued_tokens: int = Field(32_768, ge=1)
    sse_keep_alive_s: int = Field(15, ge=0)
    stall_after_s: float = Field(20.0, gt=0)
    vllm_args: str = ""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.engine == "proxy":
            url = urlsplit(self.upstream_url)
            if url.scheme not in ("http", "https") or not url.hostname:
                raise ValueError(
                    "LLM_ENGINE=proxy needs LLM_UPSTREAM_URL, for instance http://127.0.0.1:8080/v1"
                )
        if not self.served_models:
            raise ValueError("LLM_SERVED_MODELS must name a model")
        return self
