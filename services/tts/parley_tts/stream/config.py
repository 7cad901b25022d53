"""How a session has its utterances spoken: the fields of a REST request, less its text. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from parley_kit.errors import InvalidRequest, from_validation
from parley_tts.engine import TtsEngine
from parley_tts.order import Order, ordered
from parley_tts.wire import HARMLESS, SpeechRequest

FORMATS = ("pcm", "mp3", "opus", "aac")
"""Those that need no length in a header."""

_FIELDS = HARMLESS | {
    "model", "voice", "response_format", "speed", "language", "lang_code", "normalize",
    "normalization_options", "sample_rate", "word_timestamps",
}  # fmt: skip
# Stands for the text that is still to come.
_TEXT = "-"


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """What the client has set, and what that comes to at this engine."""

    given: Mapping[str, Any] = field(repr=False)
    voice: str
    model: str
    order: Order

    def shown(self) -> dict[str, object]:
        """As the client is told."""
        order = self.order
        return {
            "model": self.model,
            "voice": self.voice,
            "response_format": order.form.name,
            "sample_rate": order.rate,
            "speed": order.manner.speed,
            "language": order.manner.language,
            "normalize": order.manner.normalise,
            "word_timestamps": order.words,
        }


def default_config(engine: TtsEngine) -> SessionConfig:
    """The engine's own model, its first voice, and PCM."""
    return updated(MappingProxyType({}), {}, engine)


def updated(given: Mapping[str, Any], patch: Mapping[str, Any], engine: TtsEngine) -> SessionConfig:
    """`given` with the changes of `patch`, where None stands for the default.

    Raises:
        InvalidRequest, ModelNotFound: as for the same field of a REST request.
    """
    for name in patch:
        if name not in _FIELDS:
            raise InvalidRequest(
                f"Unknown parameter: 'session.{name[:64]}'.",
                param=f"session.{name[:64]}",
                code="unknown_parameter",
            )
    merged = {name: value for name, value in {**given, **patch}.items() if value is not None}
    body = _body(merged, engine)
    if body.response_format not in FORMATS:
        raise InvalidRequest(
            f"Invalid value for 'response_format': a stream can have {', '.join(FORMATS)}.",
            param="response_format",
        )
    return SessionConfig(merged, body.voice, body.model, ordered(body, engine, len(_TEXT)))


def _body(given: Mapping[str, Any], engine: TtsEngine) -> SpeechRequest:
    defaults = {
        "model": engine.models[0],
        "voice": engine.voices[0].id,
        "response_format": "pcm",
        "stream_format": "sse",
        "input": _TEXT,
    }
    try:
        return SpeechRequest.model_validate({**defaults, **given})
    except ValidationError as exc:
        raise from_validation([dict(error) for error in exc.errors()]) from None
