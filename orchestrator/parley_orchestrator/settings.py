"""Settings of the orchestrator, and the URLs that follow from them."""

from typing import Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from parley_kit.settings import Names
from parley_kit.urls import service_url

TRANSPORTS = ("gemini", "qwen", "rest", "realtime", "ws")


class OrchestratorSettings(BaseSettings):
    """The names are those of the interfaces that Parley replaces."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    livekit_url: str = Field("", validation_alias="LIVEKIT_URL")
    livekit_api_key: SecretStr = Field(SecretStr(""), validation_alias="LIVEKIT_API_KEY")
    livekit_api_secret: SecretStr = Field(SecretStr(""), validation_alias="LIVEKIT_API_SECRET")

    openai_base_url: str = Field("http://127.0.0.1:8000", validation_alias="OPENAI_BASE_URL")
    openai_api_key: SecretStr = Field(SecretStr(""), validation_alias="OPENAI_API_KEY")
    stt_base: str = Field("", validation_alias="STT_BASE_URL")
    tts_base: str = Field("", validation_alias="TTS_BASE_URL")
    llm_base: str = Field("", validation_alias="LLM_BASE_URL")
    stt_model: str = Field("whisper-1", validation_alias="OPENAI_STT_MODEL")
    tts_model: str = Field("tts-1", validation_alias="OPENAI_TTS_MODEL")
    tts_voice: str = Field("alloy", validation_alias="OPENAI_TTS_VOICE")
    llm_model: str = Field(
        "qwen2-5-7b-instruct", validation_alias=AliasChoices("OPENAI_LLM_MODEL", "LLM_MODEL")
    )

    llm_chain: Names = Field(("gemini", "qwen"), validation_alias="LLM_CHAIN")
    gemini_api_key: SecretStr = Field(SecretStr(""), validation_alias="GEMINI_API_KEY")
    gemini_model: str = Field("gemini-2.5-flash", validation_alias="GEMINI_MODEL")

    @model_validator(mode="after")
    def _check_chain(self) -> Self:
        unknown = [name for name in self.llm_chain if name not in TRANSPORTS]
        if unknown or not self.llm_chain:
            raise ValueError(f"LLM_CHAIN: name one or more of {', '.join(TRANSPORTS)}")
        if "gemini" in self.llm_chain and not self.gemini_api_key.get_secret_value():
            raise ValueError("GEMINI_API_KEY is needed while LLM_CHAIN names gemini")
        return self

    @property
    def stt_url(self) -> str:
        return service_url(self.stt_base or self.openai_base_url, "stt")

    @property
    def tts_url(self) -> str:
        return service_url(self.tts_base or self.openai_base_url, "tts")

    @property
    def llm_url(self) -> str:
        return service_url(self.llm_base or self.openai_base_url, "llm")
