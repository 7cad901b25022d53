"""What a request comes to at this engine: what is spoken, how, and how it is sent. Pure."""

from dataclasses import dataclass
from enum import Enum, auto

from parley_kit.errors import InvalidRequest, ModelNotFound
from parley_tts import languages, voices
from parley_tts.clauses import check_pauses
from parley_tts.engine import Blend, Manner, TtsEngine
from parley_tts.formats import FORMATS, Format, rate_of
from parley_tts.wire import SpeechRequest


class Delivery(Enum):
    """How the speech is sent."""

    STREAM = auto()
    """As it is made."""
    FILE = auto()
    """When it is complete, with its length."""
    FILE_IF_SHORT = auto()
    """As a file where it is complete as good as at once, else as a stream."""
    EVENTS = auto()
    OBJECT = auto()


@dataclass(frozen=True, slots=True)
class Order:
    """See the module; `rate` is that of the encoded audio, in Hz."""

    text: str
    manner: Manner
    form: Format
    rate: int
    delivery: Delivery
    words: bool


def ordered(body: SpeechRequest, engine: TtsEngine, max_chars: int) -> Order:
    """
    Raises:
        ModelNotFound: it is not served here.
        InvalidRequest: a field does not fit this engine, or another field.
    """
    if body.model not in engine.models:
        raise ModelNotFound(body.model)
    _check_length(body.input, max_chars)
    check_pauses(body.input)
    form = FORMATS[body.response_format]
    blend = voices.resolved(body.voice, engine.voices, engine.openai_voices, blends=engine.blends)
    manner = Manner(blend, body.speed, _language(body, blend, engine), _normalises(body))
    delivery = _delivery(body, form)
    return Order(
        body.input, manner, form, rate_of(form, body.sample_rate), delivery, body.word_timestamps
    )


def _check_length(text: str, most: int) -> None:
    if len(text) > most:
        raise InvalidRequest(
            f"Invalid value for 'input': it has {len(text)} characters, and at most {most} are "
            "allowed.",
            param="input",
            code="string_above_max_length",
        )


def _language(body: SpeechRequest, blend: Blend, engine: TtsEngine) -> str | None:
    of_voice = voices.language_of(blend, engine.voices)
    given = {"lang_code": body.lang_code, "language": body.language}
    found = [
        languages.resolved(name, engine.languages, of_voice, field)
        for field, name in given.items()
        if name
    ]
    if len(set(found)) > 1:
        raise _refused("language", "it contradicts lang_code")
    return found[0] if found else None


def _normalises(body: SpeechRequest) -> bool:
    options = body.normalization_options
    if options is None:
        return body.normalize is not False
    if body.normalize not in (None, options.normalize):
        raise _refused("normalization_options.normalize", "it contradicts normalize")
    return options.normalize


def _delivery(body: SpeechRequest, form: Format) -> Delivery:
    wanted, streams = body.stream_format, body.stream
    if streams is not None and wanted == ("json" if streams else "sse"):
        raise _refused("stream", f"it contradicts stream_format {wanted}")
    if wanted != "audio":
        return Delivery.EVENTS if wanted == "sse" else Delivery.OBJECT
    if body.word_timestamps:
        raise _refused("word_timestamps", "it needs the stream_format sse or json")
    if streams is None and form.says_length:
        return Delivery.FILE if form.needs_length else Delivery.FILE_IF_SHORT
    return Delivery.FILE if streams is False else Delivery.STREAM


def _refused(field: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid value for '{field}': {why}.", param=field)
