"""The configuration of a session: what clients may set, and what it means to the engine. Pure.

Source: `RealtimeTranscriptionSessionCreateRequest` of OpenAI's Python SDK 3.52.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from parley_kit.errors import InvalidRequest, ModelNotFound, from_validation
from parley_stt import wire
from parley_stt.endpointing import Endpointing
from parley_stt.engine import Options, SttEngine
from parley_stt.languages import asked_for
from parley_stt.realtime.intake import Encoding

LOGPROBS = "item.input_audio_transcription.logprobs"
MAX_UTTERANCE_S = 30.0
"""A longer one is cut into items that follow each other without a gap."""

HARMLESS = frozenset(
    {"noise_reduction", "delay", "create_response", "interrupt_response", "idle_timeout_ms"}
)
"""Fields that are checked and then left unused.

There are no responses here to create or interrupt and no model that waits, and a transcript of
audio whose noise was left in is still right.
"""

# How long a pause ends a turn where OpenAI would ask a model whether the speaker is done.
_EAGERNESS_S = {"low": 1.2, "medium": 0.6, "auto": 0.6, "high": 0.3}
_CODES = {"extra_forbidden": "unknown_parameter", "missing": "missing_required_parameter"}


def _well_formed(text: str) -> str:
    """JSON can spell half a surrogate pair, which no encoding can write again."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("malformed_text", "Text must be valid Unicode") from None
    return text


# Long enough for whoever means it, and short enough to be checked between two frames of audio.
_MAX_PROMPT_CHARS = 4096
_MAX_LANGUAGES = 100
_MAX_KEYWORDS = 1000
_MAX_INCLUDED = 8

Text = Annotated[str, StringConstraints(strict=True, max_length=200), AfterValidator(_well_formed)]
Prompt = Annotated[
    str,
    StringConstraints(strict=True, max_length=_MAX_PROMPT_CHARS),
    AfterValidator(_well_formed),
]
Languages = Annotated[tuple[Text, ...], Field(max_length=_MAX_LANGUAGES, fail_fast=True)]
Keywords = Annotated[tuple[Text, ...], Field(max_length=_MAX_KEYWORDS, fail_fast=True)]
Included = Annotated[
    tuple[Literal["item.input_audio_transcription.logprobs"], ...],
    Field(max_length=_MAX_INCLUDED, fail_fast=True),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Pcm(_Part):
    """Little-endian 16-bit samples. OpenAI knows 24 kHz only."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[8_000, 16_000, 24_000] = 24_000


class MuLaw(_Part):
    """G.711 at 8 kHz."""

    type: Literal["audio/pcmu"]


class ALaw(_Part):
    """G.711 at 8 kHz."""

    type: Literal["audio/pcma"]


class Transcription(_Part):
    """What is asked of the engine."""

    model: Text | None = None
    language: Text | None = None
    languages: Languages | None = None
    prompt: Prompt | None = None
    keywords: Keywords | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class NoiseReduction(_Part):
    """Accepted, see `HARMLESS`."""

    type: Literal["near_field", "far_field"] | None = None
    strength: float | None = None


class _Vad(_Part):
    create_response: bool | None = None
    interrupt_response: bool | None = None


class ServerVad(_Vad, wire.ServerVad):
    """Turns end after a silence: the VAD of files, with what has no meaning there."""

    model_config = _Part.model_config

    idle_timeout_ms: int | None = None


class SemanticVad(_Vad):
    """Taken for a `ServerVad` whose silence is what the eagerness asks for."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"


def _typed(default: str) -> BeforeValidator:
    """An object without a type has the default one."""

    def add(value: object) -> object:
        return {"type": default, **value} if isinstance(value, dict) else value

    return BeforeValidator(add)


class Input(_Part):
    """How the client's audio is encoded, cut and transcribed."""

    format: Annotated[
        Annotated[Pcm | MuLaw | ALaw, Field(discriminator="type")], _typed("audio/pcm")
    ] = Pcm()
    noise_reduction: NoiseReduction | None = None
    transcription: Transcription | None = Transcription()
    turn_detection: Annotated[
        Annotated[ServerVad | SemanticVad, Field(discriminator="type")] | None,
        _typed("server_vad"),
    ] = ServerVad(type="server_vad")


class Audio(_Part):
    input: Input = Input()


class SessionConfig(_Part):
    """All that a session can be configured with; `None` turns a part off."""

    type: Literal["transcription"] = "transcription"
    audio: Audio = Audio()
    include: Included | None = None

    @property
    def encoding(self) -> Encoding:
        form = self.audio.input.format
        return Encoding(form.type, form.rate if isinstance(form, Pcm) else 8_000)

    @property
    def endpointing(self) -> Endpointing | None:
        """Where turns begin and end; None: where the client commits."""
        vad = self.audio.input.turn_detection
        match vad:
            case None:
                return None
            case SemanticVad():
                return Endpointing(
                    silence_s=_EAGERNESS_S[vad.eagerness], max_utterance_s=MAX_UTTERANCE_S
                )
        return replace(vad.endpointing, max_utterance_s=MAX_UTTERANCE_S)

    @property
    def wants_logprobs(self) -> bool:
        return LOGPROBS in (self.include or ())


def default_config(model: str) -> SessionConfig:
    """What a session has before its first update: it transcribes with `model`."""
    return SessionConfig(audio=Audio(input=Input(transcription=Transcription(model=model))))


def updated(config: SessionConfig, patch: Mapping[str, Any]) -> SessionConfig:
    """`config` with a partial update: what is left out stays as it is, null clears.

    Raises:
        InvalidRequest: a field is unknown or wrong; the param is its path from `session`.
    """
    try:
        return SessionConfig.model_validate(_merged(config.model_dump(mode="json"), patch))
    except ValidationError as exc:
        first = exc.errors(include_input=False)[0]
        error = from_validation([{**first, "loc": ("session", *_untagged(first["loc"]))}])
        code = _CODES.get(first["type"], "invalid_value")
        raise InvalidRequest(error.message, param=error.param, code=code) from None


def options(config: SessionConfig, engine: SttEngine) -> Options | None:
    """What the engine is asked to do; None: nothing is transcribed.

    Raises:
        ModelNotFound: the engine does not serve this model.
        InvalidRequest: it does not hear this language.
    """
    asked = config.audio.input.transcription
    if asked is None:
        return None
    if asked.model is not None and asked.model not in engine.models:
        raise ModelNotFound(asked.model)
    return Options(
        languages=asked_for(
            asked.language or "",
            asked.languages or (),
            engine,
            path="session.audio.input.transcription.",
            code="invalid_value",
        ),
        prompt=asked.prompt or "",
        keywords=asked.keywords or (),
        words=config.wants_logprobs,
    )


def _merged(config: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(config)
    for name, value in patch.items():
        before = config.get(name)
        if isinstance(value, dict) and isinstance(before, dict) and _same_type(before, value):
            merged[name] = _merged(before, value)
        else:
            merged[name] = value
    return merged


def _same_type(before: Mapping[str, Any], patch: Mapping[str, Any]) -> bool:
    """Another type is another object: a semantic VAD has no threshold to keep."""
    return "type" not in patch or patch["type"] == before.get("type")


_TAGS = frozenset({"audio/pcm", "audio/pcmu", "audio/pcma", "server_vad", "semantic_vad"})


def _untagged(loc: Sequence[int | str]) -> tuple[int | str, ...]:
    """The path of a field without the types that pydantic tells unions by."""
    return tuple(part for part in loc if part not in _TAGS)
