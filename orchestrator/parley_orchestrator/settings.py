"""Settings of the orchestrator: the names that its users know, and what follows from them.

A wrong one stops the start with one sentence; what only the worker needs (LiveKit) is asked for
by `require_livekit`, because the console and plain Python need none of it.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from parley_kit.errors import SettingsError
from parley_kit.settings import Names
from parley_kit.stack_key import stack_key
from parley_kit.urls import service_url
from parley_orchestrator.addresses import HttpUrl, ServerUrl
from parley_orchestrator.keys import FirstKey, Key
from parley_orchestrator.llm.chat import Tool
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transport import APIS

TRANSPORTS = tuple(APIS)


class OrchestratorSettings(BaseSettings):
    """Fields without a name of their own are `ORCHESTRATOR_*`."""

    model_config = SettingsConfigDict(
        env_prefix="ORCHESTRATOR_",
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    # LiveKit
    livekit_url: ServerUrl = Field("", validation_alias="LIVEKIT_URL")
    livekit_api_key: Key = Field(SecretStr(""), validation_alias="LIVEKIT_API_KEY")
    livekit_api_secret: Key = Field(SecretStr(""), validation_alias="LIVEKIT_API_SECRET")

    # The stack
    openai_base_url: HttpUrl = Field("http://127.0.0.1:8000", validation_alias="OPENAI_BASE_URL")
    openai_api_key: FirstKey = Field(SecretStr(""), validation_alias="OPENAI_API_KEY")
    api_keys: FirstKey = Field(SecretStr(""), validation_alias="API_KEYS")
    api_keys_file: Path | None = Field(None, validation_alias="API_KEYS_FILE")
    stt_base: HttpUrl = Field("", validation_alias="STT_BASE_URL")
    tts_base: HttpUrl = Field("", validation_alias="TTS_BASE_URL")
    llm_base: HttpUrl = Field("", validation_alias="LLM_BASE_URL")
    ws_llm_base: ServerUrl = Field("", validation_alias="WS_LLM_URL")
    stt_model: str = Field("whisper-1", validation_alias="OPENAI_STT_MODEL")
    stt_language: str = Field(
        "en",
        pattern="^(auto|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)$",
        validation_alias="OPENAI_STT_LANGUAGE",
    )
    tts_model: str = Field("tts-1", validation_alias="OPENAI_TTS_MODEL")
    tts_voice: str = Field("alloy", validation_alias="OPENAI_TTS_VOICE")
    llm_model: str = Field(
        "qwen2-5-7b-instruct", validation_alias=AliasChoices("OPENAI_LLM_MODEL", "LLM_MODEL")
    )
    self_hosted_stt: bool = Field(True, validation_alias="SELF_HOSTED_STT_ENABLED")
    self_hosted_tts: bool = Field(True, validation_alias="SELF_HOSTED_TTS_ENABLED")
    self_hosted_llm: bool = Field(True, validation_alias="SELF_HOSTED_LLM_ENABLED")

    # Language models
    llm_chain: Names = Field(("gemini", "qwen"), validation_alias="LLM_CHAIN")
    gemini_api_key: Key = Field(SecretStr(""), validation_alias="GEMINI_API_KEY")
    gemini_model: str = Field("gemini-2.5-flash", validation_alias="GEMINI_MODEL")
    gemini_base_url: HttpUrl = Field("", validation_alias="GOOGLE_GEMINI_BASE_URL")
    use_rest_api: bool = Field(False, validation_alias="USE_REST_API")
    rest_api_base_url: HttpUrl = Field("", validation_alias="REST_API_BASE_URL")
    rest_api_key: Key = Field(SecretStr(""), validation_alias="REST_API_KEY")
    rest_api_timeout_s: float | None = Field(
        None, gt=0, le=600, validation_alias="REST_API_TIMEOUT"
    )
    rest_api_max_retries: int | None = Field(
        None, ge=0, le=10, validation_alias="REST_API_MAX_RETRIES"
    )
    openai_model: str = Field("", validation_alias="OPENAI_MODEL")
    openai_org_id: str = Field("", validation_alias="OPENAI_ORG_ID")
    realtime_base_url: ServerUrl = Field("", validation_alias="REALTIME_BASE_URL")
    realtime_model: str = Field("gpt-realtime", validation_alias="REALTIME_MODEL")
    max_turns: int = Field(32, ge=1, le=10_000, validation_alias="OPENAI_MAX_TURNS")
    llm_temperature: float | None = Field(None, ge=0, le=2)
    llm_max_tokens: int | None = Field(None, ge=1, le=100_000)
    llm_stream: bool = True
    llm_connect_timeout_s: float = Field(5.0, gt=0, le=60)
    llm_first_token_timeout_s: float = Field(10.0, gt=0, le=300)
    llm_stall_timeout_s: float = Field(10.0, gt=0, le=300)
    llm_max_retries: int = Field(2, ge=0, le=10)

    # The chain
    silence_budget_s: float = Field(1.5, gt=0, le=60, validation_alias="SILENCE_BUDGET_S")
    failures_to_open: int = Field(3, ge=1, le=100, validation_alias="LLM_FAILURES_TO_OPEN")
    cooldown_s: float = Field(30.0, gt=0, le=3_600, validation_alias="LLM_COOLDOWN_S")
    max_cooldown_s: float = Field(300.0, gt=0, le=86_400, validation_alias="LLM_MAX_COOLDOWN_S")
    board: Path | None = None

    # The worker
    agent_persona: str = Field("healthcare", validation_alias="AGENT_PERSONA")
    agent_name: str = Field("", validation_alias="LIVEKIT_AGENT_NAME")
    listen_host: str = Field("127.0.0.1", validation_alias="LISTEN_HOST")
    health_port: int = Field(8081, ge=0, le=65535)
    max_calls: int = Field(10, ge=1, le=10_000)
    idle_processes: int = Field(1, ge=0, le=64)
    drain_timeout_s: int = Field(3_600, ge=1, le=86_400)
    log_format: Literal["json", "console"] = Field("json", validation_alias="LOG_FORMAT")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="LOG_LEVEL"
    )

    @model_validator(mode="after")
    def _speech_is_ours(self) -> Self:
        for enabled, what in ((self.self_hosted_stt, "STT"), (self.self_hosted_tts, "TTS")):
            if not enabled:
                raise ValueError(
                    f"SELF_HOSTED_{what}_ENABLED=false cannot be honoured: there is no other "
                    f"{what} than the one at {what}_BASE_URL or OPENAI_BASE_URL"
                )
        return self

    @model_validator(mode="after")
    def _chain_can_work(self) -> Self:
        unknown = [name for name in self.llm_chain if name not in TRANSPORTS]
        if unknown or not self.llm_chain or len(set(self.llm_chain)) < len(self.llm_chain):
            raise ValueError(f"LLM_CHAIN: name one or more of {', '.join(TRANSPORTS)}, each once")
        if not self.self_hosted_llm and "qwen" in self._named_chain:
            raise ValueError("SELF_HOSTED_LLM_ENABLED=false excludes qwen, which LLM_CHAIN names")
        if "gemini" in self.chain and not self.gemini_api_key.get_secret_value():
            raise ValueError("GEMINI_API_KEY is needed while gemini is in the chain (LLM_CHAIN)")
        if self.max_cooldown_s < self.cooldown_s:
            raise ValueError("LLM_MAX_COOLDOWN_S is less than LLM_COOLDOWN_S")
        return self

    @model_validator(mode="after")
    def _models_can_be_reached(self) -> Self:
        named = self._wanted_chain
        if {"rest", "realtime"} <= {*named} and _is_realtime(self.openai_model):
            raise ValueError(
                "OPENAI_MODEL: a model with realtime in its name goes over Realtime, and rest "
                "needs another; name that here and the realtime one in REALTIME_MODEL"
            )
        if "rest" in self.chain and self.rest_api_base_url and not self.openai_model:
            raise ValueError("OPENAI_MODEL is needed for the API at REST_API_BASE_URL")
        if "realtime" in self.chain and not (self.realtime_base_url or self.rest_api_base_url):
            raise ValueError(
                "REALTIME_BASE_URL is needed while realtime is in the chain, for instance "
                "https://api.openai.com/v1"
            )
        if "ws" in self.chain and not self.ws_llm_url:
            raise ValueError(
                "WS_LLM_URL is needed while ws is in the chain: OPENAI_BASE_URL is one API's"
            )
        return self

    def require_livekit(self) -> None:
        """
        Raises:
            SettingsError: names what is missing for a worker.
        """
        needed = {
            "LIVEKIT_URL": self.livekit_url,
            "LIVEKIT_API_KEY": self.livekit_api_key.get_secret_value(),
            "LIVEKIT_API_SECRET": self.livekit_api_secret.get_secret_value(),
        }
        missing = [name for name, value in needed.items() if not value]
        if missing:
            raise SettingsError(
                f"Set {' and '.join(missing)} to take calls from LiveKit (console needs none)."
            )

    @property
    def stack_key(self) -> str:
        """What the stack is called with, as its file has it now; empty: nothing.

        Raises:
            SettingsError: the file cannot be read.
        """
        return stack_key(self)()

    @property
    def stt_url(self) -> str:
        return service_url(self.stt_base or self.openai_base_url, "stt")

    @property
    def tts_url(self) -> str:
        return service_url(self.tts_base or self.openai_base_url, "tts")

    @property
    def llm_url(self) -> str:
        return service_url(self.llm_base or self.openai_base_url, "llm")

    @property
    def ws_llm_url(self) -> str:
        """The assistant's root; empty where the base URL is that of one API and tells nothing."""
        base = self.openai_base_url.rstrip("/")
        default = "" if base.endswith("/v1") else f"{base}/ws-llm"
        return self.ws_llm_base.rstrip("/") or default

    @property
    def chain(self) -> tuple[str, ...]:
        """The transports in order; `rest` is `realtime` where its model goes over that."""
        return tuple(
            "realtime" if name == "rest" and _is_realtime(self.openai_model) else name
            for name in self._wanted_chain
        )

    @property
    def _named_chain(self) -> tuple[str, ...]:
        """What LLM_CHAIN says, nothing if it is left to us."""
        return self.llm_chain if "llm_chain" in self.model_fields_set else ()

    @property
    def _wanted_chain(self) -> tuple[str, ...]:
        if self._named_chain:
            first = ("rest",) if self.use_rest_api and "rest" not in self._named_chain else ()
            return first + self._named_chain
        return ("rest" if self.use_rest_api else "gemini",) + ("qwen",) * self.self_hosted_llm

    def llm_config(
        self, name: str, *, instructions: str = "", tools: tuple[Tool, ...] = ()
    ) -> LlmConfig:
        """What the transport `name` (of `TRANSPORTS`) is configured with."""
        openai = name in ("rest", "realtime")
        first_token_s, stall_s = self.llm_first_token_timeout_s, self.llm_stall_timeout_s
        retries = self.llm_max_retries
        if name == "rest":
            first_token_s = self.rest_api_timeout_s or first_token_s
            stall_s = self.rest_api_timeout_s or stall_s
            if self.rest_api_max_retries is not None:
                retries = self.rest_api_max_retries
        return LlmConfig(
            model=self._model(name),
            base_url=self._base_url(name),
            api_key=self._api_key(name),
            organization=self.openai_org_id if openai else "",
            instructions=instructions,
            tools=tools,
            temperature=self.llm_temperature,
            max_tokens=self.llm_max_tokens,
            max_turns=self.max_turns,
            stream=self.llm_stream,
            connect_timeout_s=min(self.llm_connect_timeout_s, first_token_s),
            first_token_timeout_s=first_token_s,
            stall_timeout_s=stall_s,
            max_retries=retries,
        )

    def _model(self, name: str) -> str:
        models = {
            "gemini": self.gemini_model,
            "rest": self.openai_model or self.llm_model,
            "realtime": self.openai_model
            if _is_realtime(self.openai_model)
            else self.realtime_model,
        }
        return models.get(name, self.llm_model)

    def _base_url(self, name: str) -> str:
        urls = {
            "gemini": self.gemini_base_url,
            "qwen": self.llm_url,
            "rest": self.rest_api_base_url or self.llm_url,
            "realtime": self.realtime_base_url or self.rest_api_base_url,
            "ws": self.ws_llm_url,
        }
        return urls[name].rstrip("/")

    def _api_key(self, name: str) -> str:
        """The stack's own keys are for the stack, not for whoever is asked in its place."""
        if name == "gemini":
            return self.gemini_api_key.get_secret_value()
        if name in ("rest", "realtime") and (key := self.rest_api_key.get_secret_value()):
            return key
        elsewhere = {
            "qwen": self.llm_base,
            "rest": self.rest_api_base_url or self.llm_base,
            "realtime": self._base_url("realtime"),
        }
        return self.openai_api_key.get_secret_value() if elsewhere.get(name) else self.stack_key


def _is_realtime(model: str) -> bool:
    return "realtime" in model.lower()
