"""Settings of the STT service (`STT_*`)."""

import os
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from parley_kit.settings import Names, ServiceSettings

# OpenAI's limit on a file, and room for the other fields and the parts' headers.
_MAX_FILE_BYTES = 26_214_400
_MULTIPART_BYTES = 64 << 10


WHISPER_ONLY = frozenset(
    {"model", "device", "compute_type", "cpu_threads", "batch_size", "beam_size"}
)
"""Settings that mean something to faster-whisper only."""


class SttSettings(ServiceSettings):
    """`STT_ENGINE` chooses the engine; `STT_MODEL` to `STT_BEAM_SIZE` are faster-whisper's."""

    model_config = SettingsConfigDict(env_prefix="STT_")

    engine: Literal["faster-whisper", "pocketsphinx"] = "pocketsphinx"
    model: str = Field("large-v3-turbo", min_length=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "auto"
    cpu_threads: int = Field(0, ge=0, le=256)
    batch_size: int = Field(0, ge=0, le=64)
    beam_size: int = Field(1, ge=1, le=16)
    vad_filter: bool = True
    served_models: Names = (
        "whisper-1",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-transcribe",
    )
    workers: int = Field(default_factory=lambda: min(2, os.cpu_count() or 1), ge=1, le=64)
    max_concurrency: int = Field(4, ge=1, le=10_000)
    max_queue: int = Field(32, ge=0, le=100_000)
    max_body_bytes: int = Field(_MAX_FILE_BYTES + _MULTIPART_BYTES, ge=1)
    max_audio_s: float = Field(1800.0, gt=0, le=86_400)
    max_decode_s: float = Field(60.0, gt=0, le=3600)
    request_timeout_s: float = Field(900.0, gt=0, le=3600)

    # Realtime sessions
    max_sessions: int = Field(64, ge=1, le=10_000)
    max_session_s: float = Field(3600.0, gt=0, le=86_400)
    max_buffer_s: float = Field(300.0, ge=1, le=3600)
    max_message_bytes: int = Field(2 << 20, ge=1 << 10, le=3 << 20)
    allowed_origins: Names = ()

    @model_validator(mode="after")
    def _no_idle_workers(self) -> Self:
        if self.workers > self.max_concurrency:
            raise ValueError("STT_WORKERS above STT_MAX_CONCURRENCY would idle")
        return self
