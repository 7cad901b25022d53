"""Speech on the wire: what is read, and the objects that are written.

Source: OpenAI's API reference for audio/speech, as typed in its Python SDK 3.52. Fields that are
not named here are ignored, as at OpenAI.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from parley_tts.engine import Voice

HARMLESS = frozenset({"instructions"})
"""Read by no one on purpose: how to speak is a wish, and speech that ignores it is still right."""

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

# What OpenAI bills for a minute of speech.
_TOKENS_PER_S = 1250 / 60


def _voice_name(voice: object) -> object:
    """A voice is named by a string or by an object with its id."""
    return voice.get("id") if isinstance(voice, Mapping) else voice


def _format_name(name: object) -> object:
    """Opus comes in Ogg, and some callers ask for it by that name."""
    return "opus" if name == "ogg" else name


class SpeechRequest(BaseModel):
    """The body of `POST /v1/audio/speech`."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    input: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    model: str
    voice: Annotated[str, BeforeValidator(_voice_name)]
    instructions: str = Field("", max_length=4096)
    response_format: Annotated[Format, BeforeValidator(_format_name)] = "mp3"
    speed: float = Field(1.0, ge=0.25, le=4.0, allow_inf_nan=False)
    stream_format: Literal["audio", "sse"] = "audio"

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_given(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if value is not None}


def delta(audio_base64: str) -> dict[str, object]:
    """The next bytes of the audio, in the format that was asked for."""
    return {"type": "speech.audio.delta", "audio": audio_base64}


def done(text: str, seconds: float) -> dict[str, object]:
    """The last event: words of the text, and the audio as OpenAI counts it."""
    spoken, heard = len(text.split()), round(seconds * _TOKENS_PER_S)
    usage = {"input_tokens": spoken, "output_tokens": heard, "total_tokens": spoken + heard}
    return {"type": "speech.audio.done", "usage": usage}


def voice_list(voices: Sequence[Voice]) -> dict[str, object]:
    """The body of `GET /v1/audio/voices`."""
    return {
        "voices": [
            {"id": v.id, "name": v.name, "language": v.language, "gender": v.gender} for v in voices
        ]
    }


def voice_id_list(voices: Sequence[Voice]) -> dict[str, object]:
    """The same with `?legacy=true`."""
    return {"voices": [voice.id for voice in voices]}
