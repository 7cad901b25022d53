"""Transcription and translation requests: form fields in, a validated request out. Pure.

Source: OpenAI's API reference for audio, as typed in its Python SDK 3.52. A translation takes all
fields of a transcription, which is more than at OpenAI: `language` is what is spoken. `hotwords`
and `vad_filter` are extensions, as other servers spell them. Fields that are not named here are
ignored, as at OpenAI.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from parley_kit.errors import InvalidRequest, ModelNotFound, from_validation
from parley_stt.endpointing import Endpointing
from parley_stt.engine import Options, SttEngine
from parley_stt.languages import asked_for

Task = Literal["transcribe", "translate"]
ResponseFormat = Literal["json", "text", "srt", "verbose_json", "vtt"]

ARRAYS = frozenset(
    {
        "languages", "keywords", "include", "timestamp_granularities", "known_speaker_names",
        "known_speaker_references",
    }
)  # fmt: skip
_DIARISATION = ("known_speaker_names", "known_speaker_references")


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class ServerVad(_Wire):
    """How to cut the audio at silences."""

    type: Literal["server_vad"]
    threshold: float = Field(0.5, ge=0, le=1)
    prefix_padding_ms: int = Field(300, ge=0, le=5_000)
    silence_duration_ms: int = Field(500, ge=30, le=10_000)

    @property
    def endpointing(self) -> Endpointing:
        return Endpointing(
            threshold=self.threshold,
            padding_s=self.prefix_padding_ms / 1000,
            silence_s=self.silence_duration_ms / 1000,
        )


def _as_object(strategy: object) -> object:
    """SDKs send fields (`chunking_strategy[type]`), curl sends JSON."""
    if strategy == "auto":
        return {"type": "server_vad"}
    if isinstance(strategy, str):
        try:
            return json.loads(strategy)
        except (ValueError, RecursionError):
            raise ValueError("it is either 'auto' or an object") from None
    return strategy


class TranscriptionRequest(_Wire):
    """What is asked about a file; the task is the route, not a field."""

    task: Task
    model: str
    language: str = ""
    languages: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    hotwords: str = ""
    prompt: str = ""
    response_format: ResponseFormat = "json"
    temperature: float | None = Field(None, ge=0, le=1)
    timestamp_granularities: tuple[Literal["word", "segment"], ...] = ()
    stream: bool = False
    include: tuple[Literal["logprobs"], ...] = ()
    chunking_strategy: Annotated[ServerVad | None, BeforeValidator(_as_object)] = None
    vad_filter: bool | None = None

    @property
    def wants_logprobs(self) -> bool:
        return "logprobs" in self.include

    @property
    def wants_words(self) -> bool:
        return "word" in self.timestamp_granularities

    @property
    def wants_segments(self) -> bool:
        return "segment" in self.timestamp_granularities or not self.wants_words


def fields_of(items: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Fold repeated, bracketed and nested form fields; an empty value is one that is not given.

    `keywords[]` and `keywords` are the same list; `chunking_strategy[type]` is a key of an object.
    """
    fields: dict[str, Any] = {}
    for name, value in items:
        base, bracket, rest = name.partition("[")
        key = rest.removesuffix("]")
        if base in ARRAYS and not key:
            fields.setdefault(base, []).append(value)
        elif base == "chunking_strategy" and key:
            strategy = fields.get(base)
            fields[base] = {**(strategy if isinstance(strategy, dict) else {}), key: value}
        elif not bracket and value:
            fields[base] = value
    return fields


def parse(fields: Mapping[str, Any], task: Task) -> TranscriptionRequest:
    """
    Raises:
        InvalidRequest: a field is missing or wrong, or two do not go together.
    """
    _refuse_diarisation(fields)
    try:
        request = TranscriptionRequest.model_validate({**fields, "task": task})
    except ValidationError as exc:
        raise from_validation(exc.errors()) from exc
    _refuse_contradictions(request)
    return request


def options(
    request: TranscriptionRequest, engine: SttEngine, endpointing: Endpointing | None
) -> Options:
    """What the engine is asked to do.

    Args:
        endpointing: for who does not ask for any.

    Raises:
        ModelNotFound: the engine does not serve this model.
        InvalidRequest: it does not hear this language, or does not translate.
    """
    if request.model not in engine.models:
        raise ModelNotFound(request.model)
    if request.task == "translate" and not engine.translates:
        raise InvalidRequest(
            f"The model {engine.models[0]} transcribes and does not translate.", param="model"
        )
    return Options(
        languages=asked_for(request.language, request.languages, engine),
        task=request.task,
        prompt=request.prompt,
        keywords=tuple(filter(str.strip, (*request.keywords, request.hotwords))),
        temperature=request.temperature,
        words=request.wants_words or request.wants_logprobs,
        endpointing=_endpointing(request, endpointing),
    )


def _refuse_diarisation(fields: Mapping[str, Any]) -> None:
    if fields.get("response_format") == "diarized_json":
        raise InvalidRequest(
            "This server does not tell speakers apart: diarized_json is not available.",
            param="response_format",
        )
    for name in _DIARISATION:
        if name in fields:
            raise InvalidRequest("This server does not tell speakers apart.", param=name)


def _refuse_contradictions(request: TranscriptionRequest) -> None:
    if request.timestamp_granularities and request.response_format != "verbose_json":
        raise InvalidRequest(
            "timestamp_granularities needs response_format verbose_json.",
            param="timestamp_granularities",
        )
    if request.wants_logprobs and request.response_format != "json":
        raise InvalidRequest("logprobs need response_format json.", param="include")
    if request.stream and request.response_format not in ("json", "text"):
        raise InvalidRequest(
            "A streamed transcription needs response_format json or text.", param="stream"
        )
    if request.language and any(request.languages):
        raise InvalidRequest("Give either language or languages.", param="languages")
    if request.chunking_strategy and request.vad_filter is False:
        raise InvalidRequest("chunking_strategy needs the VAD filter.", param="vad_filter")


def _endpointing(request: TranscriptionRequest, default: Endpointing | None) -> Endpointing | None:
    if request.chunking_strategy:
        return request.chunking_strategy.endpointing
    if request.vad_filter is None:
        return default
    return Endpointing() if request.vad_filter else None
