"""Settings of the TTS service (`TTS_*`)."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from parley_kit.settings import Names, ServiceSettings

KOKORO_ONLY = frozenset({"model", "device", "runtime", "workers", "threads"})
"""Settings that mean something to kokoro only."""


class TtsSettings(ServiceSettings):
    """`TTS_ENGINE` chooses the engine; `TTS_MODEL` to `TTS_THREADS` are kokoro's."""

    model_config = SettingsConfigDict(env_prefix="TTS_")

    engine: Literal["auto", "kokoro", "flite", "espeak"] = Field(
        "auto", description="auto: kokoro or flite where it is installed, else espeak"
    )
    model: str = Field("hexgrad/Kokoro-82M", min_length=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    runtime: Literal["auto", "onnx", "torch"] = Field(
        "auto", description="auto: torch on CUDA, onnx on a CPU"
    )
    workers: int = Field(1, ge=1, le=64)
    threads: int = Field(0, ge=0, le=256, description="of each worker; 0 shares out the cores")
    served_models: Names = ("kokoro", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
    max_input_chars: int = Field(4096, ge=1, le=1_000_000)
    cache_mb: int = Field(64, ge=0, le=65_536, description="of repeated phrases; 0: none")
    cache_max_chars: int = Field(200, ge=1, le=10_000, description="of a phrase that is kept")
    max_concurrency: int = Field(16, ge=1, le=10_000)
    # A player that reads as fast as it plays needs as long as the speech lasts; it is also how
    # long the OpenAI SDK waits.
    request_timeout_s: float = Field(600.0, gt=0, le=3600)

    # Text streamed in
    max_sessions: int = Field(64, ge=1, le=10_000)
    max_session_s: float = Field(3600.0, gt=0, le=86_400)
    max_idle_s: float = Field(600.0, gt=0, le=86_400)
    max_pending_chars: int = Field(16_384, ge=1, le=1_000_000)
    max_message_bytes: int = Field(65_536, ge=1 << 10, le=3 << 20)
    allowed_origins: Names = ()
