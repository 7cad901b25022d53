"""What clients may configure, and what each thing means."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeTranscriptionSessionCreateRequest

from parley_kit.errors import InvalidRequest, ModelNotFound
from parley_stt.engine import Options
from parley_stt.realtime import config as configuration
from parley_stt.realtime import events, protocol
from parley_stt.realtime.config import HARMLESS, LOGPROBS, SessionConfig, default_config, updated
from parley_stt.realtime.events import Identity
from parley_stt.realtime.intake import Encoding

BEFORE = default_config("whisper-1")


class Ears:
    """As much of an engine as a configuration is checked against."""

    models: Sequence[str] = ("tiny", "whisper-1")
    languages: Mapping[str, str] = {"en": "english", "de": "german"}


def with_input(patch: Mapping[str, Any], before: SessionConfig = BEFORE) -> SessionConfig:
    return updated(before, {"type": "transcription", "audio": {"input": patch}})


def options_of(transcription: Mapping[str, Any]) -> Options:
    asked = with_input({"transcription": transcription})
    found = configuration.options(asked, Ears())  # type: ignore[arg-type]
    assert found is not None
    return found


def refused(patch: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The param and code of an update that is not possible."""
    with pytest.raises(InvalidRequest) as caught:
        updated(BEFORE, patch)
    return caught.value.param, caught.value.code


def test_what_is_left_out_keeps_its_value() -> None:
    first = with_input({"transcription": {"language": "en", "prompt": "Paris"}})
    second = with_input(
        {"transcription": {"prompt": ""}, "turn_detection": {"threshold": 0.7}}, first
    )

    transcription = second.audio.input.transcription
    assert transcription is not None
    assert (transcription.model, transcription.language, transcription.prompt) == (
        "whisper-1", "en", "",
    )  # fmt: skip
    assert second.endpointing is not None
    assert (second.endpointing.threshold, second.endpointing.silence_s) == (0.7, 0.5)


def test_null_clears() -> None:
    off = with_input({"turn_detection": None, "transcription": None})
    back = with_input({"turn_detection": {"type": "server_vad"}, "transcription": {}}, off)

    assert off.endpointing is None
    assert configuration.options(off, Ears()) is None  # type: ignore[arg-type]
    assert back.endpointing == BEFORE.endpointing
    assert with_input({"transcription": {"model": None}}).audio.input.transcription is not None


def test_the_three_numbers_of_the_vad_are_where_turns_begin_and_end() -> None:
    vad = {"threshold": 0.3, "prefix_padding_ms": 600, "silence_duration_ms": 350}
    found = with_input({"turn_detection": {"type": "server_vad", **vad}}).endpointing

    assert found is not None
    assert (found.threshold, found.padding_s, found.silence_s) == (0.3, 0.6, 0.35)


def test_an_eager_semantic_vad_waits_less() -> None:
    def silence(eagerness: str) -> float:
        vad = {"type": "semantic_vad", "eagerness": eagerness}
        found = with_input({"turn_detection": vad}).endpointing
        assert found is not None
        return found.silence_s

    assert silence("high") < silence("medium") == silence("auto") < silence("low")


def test_another_type_of_vad_has_nothing_of_the_one_before() -> None:
    semantic = with_input({"turn_detection": {"type": "semantic_vad", "eagerness": "high"}})

    assert with_input({"turn_detection": {"type": "server_vad"}}, semantic) == BEFORE


@pytest.mark.parametrize(
    ("format", "encoding"),
    [
        ({"type": "audio/pcm", "rate": 24_000}, Encoding()),
        ({"type": "audio/pcm", "rate": 16_000}, Encoding("audio/pcm", 16_000)),
        ({"rate": 8_000}, Encoding("audio/pcm", 8_000)),
        ({"type": "audio/pcmu"}, Encoding("audio/pcmu", 8_000)),
        ({"type": "audio/pcma"}, Encoding("audio/pcma", 8_000)),
    ],
)
def test_formats(format: dict[str, object], encoding: Encoding) -> None:
    assert with_input({"format": format}).encoding == encoding


def test_what_livekit_sends_means_what_it_says() -> None:
    asked = options_of(
        {"model": "whisper-1", "language": "en", "prompt": "Paris", "keywords": ["Seine"]}
    )

    assert (asked.languages, asked.prompt, asked.keywords) == (("en",), "Paris", ("Seine",))


@pytest.mark.parametrize("language", ["en", "en-US", "English", "EN_us"])
def test_a_language_has_many_names(language: str) -> None:
    assert options_of({"language": language}).languages == ("en",)


def test_of_several_languages_those_that_are_heard_count() -> None:
    assert options_of({"languages": ["fr", "de"]}).languages == ("de",)
    assert options_of({"languages": []}).languages == ()
    assert options_of({"language": ""}).languages == ()


@pytest.mark.parametrize(
    ("transcription", "param"),
    [({"language": "fr"}, "language"), ({"languages": ["fr", "it"]}, "languages")],
)
def test_a_language_that_is_not_heard_is_refused(transcription: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        options_of(transcription)
    assert caught.value.param == f"session.audio.input.transcription.{param}"


def test_a_model_that_is_not_served_is_refused() -> None:
    with pytest.raises(ModelNotFound):
        options_of({"model": "whisper-9"})


@pytest.mark.parametrize(
    ("patch", "param", "code"),
    [
        ({"type": "realtime"}, "session.type", "invalid_value"),
        ({"audio": None}, "session.audio", "invalid_value"),
        ({"audio": {"output": {}}}, "session.audio.output", "unknown_parameter"),
        ({"temperature": 0.5}, "session.temperature", "unknown_parameter"),
        ({"include": ["usage"]}, "session.include[0]", "invalid_value"),
        ({"include": [LOGPROBS] * 9}, "session.include", "invalid_value"),
        ({"include": ["usage"] * 8}, "session.include[0]", "invalid_value"),
    ],
)
def test_a_wrong_field_is_named(patch: dict[str, Any], param: str, code: str) -> None:
    assert refused(patch) == (param, code)


@pytest.mark.parametrize(
    ("patch", "param"),
    [
        ({"format": {"type": "audio/mp3"}}, "format"),
        ({"format": {"type": "audio/pcm", "rate": 44_100}}, "format.rate"),
        ({"turn_detection": {"threshold": 2}}, "turn_detection.threshold"),
        ({"turn_detection": {"silence_duration_ms": -1}}, "turn_detection.silence_duration_ms"),
        ({"turn_detection": "server_vad"}, "turn_detection"),
        ({"transcription": {"prompt": 7}}, "transcription.prompt"),
        ({"transcription": {"prompt": "\ud800"}}, "transcription.prompt"),
        ({"transcription": {"prompt": "x" * 4097}}, "transcription.prompt"),
        ({"transcription": {"languages": ["en"] * 101}}, "transcription.languages"),
        ({"transcription": {"keywords": ["x"] * 1001}}, "transcription.keywords"),
        ({"transcription": {"keywords": ["x", "x" * 201]}}, "transcription.keywords[1]"),
        ({"noise_reduction": {"type": "all"}}, "noise_reduction.type"),
    ],
)
def test_a_wrong_field_of_the_input_is_named(patch: dict[str, Any], param: str) -> None:
    assert refused({"audio": {"input": patch}})[0] == f"session.audio.input.{param}"


def test_harmless_fields_are_taken_and_change_nothing() -> None:
    vad = {"create_response": True, "interrupt_response": False, "idle_timeout_ms": 5_000}
    found = with_input(
        {
            "noise_reduction": {"type": "near_field", "strength": 0.5},
            "transcription": {"delay": "low"},
            "turn_detection": vad,
        }
    )

    assert {"noise_reduction", "delay", *vad} == HARMLESS
    assert found.endpointing == BEFORE.endpointing


def test_the_beta_says_the_same_in_a_flat_shape() -> None:
    event = protocol.read(
        {
            "type": "transcription_session.update",
            "session": {
                "input_audio_format": "g711_ulaw",
                "input_audio_transcription": {"model": "tiny", "language": "en"},
                "turn_detection": None,
                "input_audio_noise_reduction": {"type": "far_field"},
                "modalities": ["text"],
            },
        }
    )
    assert isinstance(event, protocol.Update)

    found = updated(BEFORE, event.patch)

    assert found.encoding == Encoding("audio/pcmu", 8_000)
    assert found.endpointing is None
    assert found.audio.input.transcription is not None
    assert found.audio.input.transcription.model == "tiny"


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "audio", "input", "format", "transcription", "model", "rate"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["type", "audio", "include"]), json))
def test_any_update_is_either_taken_or_refused_by_name(patch: dict[str, Any]) -> None:
    try:
        found = updated(BEFORE, patch)
    except InvalidRequest as refusal:
        param = str(refusal.param)
    else:
        told = events.session_updated(Identity("sess_1", 0), found, "ga")["session"]
        RealtimeTranscriptionSessionCreateRequest.model_validate(told)
        param = "session"
    assert param.startswith("session")
