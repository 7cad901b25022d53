"""Speech on the wire: what is read.

Source: OpenAI's API reference for audio/speech, as typed in its Python SDK 3.52; the extensions
are spelled as by Kokoro-FastAPI and speaches where they have them. Fields that are not named here
are ignored, as at OpenAI.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from parley_tts.formats import FASTEST_RATE, SLOWEST_RATE, FormatName

HARMLESS = frozenset({"instructions"})
"""Read by no one on purpose: how to speak is a wish, and speech that ignores it is still right."""

_NAME_LENGTH = 1_000


def _voice_name(voice: object) -> object:
    """A voice is named by a string or by an object with its id."""
    return voice.get("id") if isinstance(voice, Mapping) else voice


def _format_name(name: object) -> object:
    """Opus comes in Ogg, and some callers ask for it by that name."""
    return "opus" if name == "ogg" else name


class NormalizationOptions(BaseModel):
    """Kokoro-FastAPI's way to turn normalisation off; its single parts cannot be."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    normalize: bool = True
    unit_normalization: bool = True
    url_normalization: bool = True
    email_normalization: bool = True
    phone_normalization: bool = True

    @model_validator(mode="after")
    def _all_or_nothing(self) -> "NormalizationOptions":
        parts = (
            self.unit_normalization,
            self.url_normalization,
            self.email_normalization,
            self.phone_normalization,
        )
        if self.normalize and not all(parts):
            raise _invalid("normalisation can only be turned off as a whole, with normalize: false")
        return self


class SpeechRequest(BaseModel):
    """The body of `POST /v1/audio/speech`."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    input: Annotated[str, StringConstraints(min_length=1)]
    model: str
    voice: Annotated[str, BeforeValidator(_voice_name), Field(max_length=_NAME_LENGTH)]
    instructions: str = Field("", max_length=4096)
    response_format: Annotated[FormatName, BeforeValidator(_format_name)] = "mp3"
    speed: float = Field(1.0, ge=0.25, le=4.0, allow_inf_nan=False)
    stream_format: Literal["audio", "sse", "json"] = "audio"
    stream: bool | None = None
    lang_code: str | None = Field(None, max_length=_NAME_LENGTH)
    language: str | None = Field(None, max_length=_NAME_LENGTH)
    normalize: bool | None = None
    normalization_options: NormalizationOptions | None = None
    sample_rate: int | None = Field(None, ge=SLOWEST_RATE, le=FASTEST_RATE)
    word_timestamps: bool = Field(
        False, validation_alias=AliasChoices("word_timestamps", "return_timestamps")
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_given(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if value is not None}

    @field_validator("input")
    @classmethod
    def _not_blank(cls, text: str) -> str:
        if not text.strip():
            raise _invalid("it has nothing but white space")
        return text


def _invalid(why: str) -> PydanticCustomError:
    return PydanticCustomError("invalid", "{why}", {"why": why})
