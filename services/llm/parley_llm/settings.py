"""Settings of the LLM service (`LLM_*`)."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from parley_kit.settings import Names, ServiceSettings


class LlmSettings(ServiceSettings):
    """`LLM_ENGINE` chooses the engine; the rest are limits."""

    model_config = SettingsConfigDict(env_prefix="LLM_")

    engine: Literal["scripted"] = "scripted"
    served_models: Names = ("qwen2-5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct")
    max_concurrency: int = Field(64, ge=1, le=10_000)
    max_queue: int = Field(64, ge=0, le=100_000)
    max_messages: int = Field(512, ge=1)
    max_completion_tokens: int = Field(1024, ge=1)
    scripted_tokens_per_s: float = Field(0.0, ge=0, description="0: as fast as it can")
