"""`POST /v1/audio/translations`: as a transcription, into English, where the engine can."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from parley.bench import random_whisper
from parley_stt.app import create_app
from parley_stt.settings import SttSettings
from tests.serving import serve
from tests.stt.recordings import JFK, WEATHER

# OpenAI deprecates its translations; here they stay.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


def translator(folder: Path) -> Any:
    settings = SttSettings(
        allow_anonymous=True, engine="faster-whisper", model=str(folder), device="cpu"
    )
    return serve(create_app(settings))


@pytest.fixture(scope="module")
def address(whisper_folder: Path) -> Iterator[str]:
    with translator(whisper_folder) as url:
        yield f"{url}/stt/v1"


@pytest.fixture(scope="module")
def sdk(address: str) -> Iterator[OpenAI]:
    with strict(address) as sdk:
        yield sdk


def strict(address: str) -> OpenAI:
    return OpenAI(base_url=address, api_key="any", max_retries=0, _strict_response_validation=True)


def test_a_translation_is_no_transcription(sdk: OpenAI) -> None:
    heard = sdk.audio.transcriptions.create(file=WEATHER, model="whisper-1")
    translated = sdk.audio.translations.create(file=WEATHER.read_bytes(), model="whisper-1")

    assert translated.text
    assert translated.text != heard.text


def test_a_verbose_translation_is_in_english(sdk: OpenAI) -> None:
    translated = sdk.audio.translations.create(
        file=WEATHER,
        model="whisper-1",
        response_format="verbose_json",
        extra_body={"language": "de"},
    )

    assert translated.model_extra
    assert translated.model_extra["task"] == "translate"
    assert translated.language == "english"
    assert translated.duration == pytest.approx(1.868, abs=0.001)
    assert translated.segments
    assert "".join(segment.text for segment in translated.segments).strip() == translated.text


@pytest.mark.parametrize(
    ("response_format", "start"), [("text", ""), ("srt", "1\n00:00:00,"), ("vtt", "WEBVTT\n\n")]
)
def test_plain_formats_are_returned_verbatim(sdk: OpenAI, response_format: Any, start: str) -> None:
    text = sdk.audio.translations.create(file=WEATHER, model="whisper-1").text
    plain: Any = sdk.audio.translations.create(
        file=WEATHER, model="whisper-1", response_format=response_format
    )

    assert isinstance(plain, str)
    assert plain.startswith(start)
    assert set(text.split()) <= set(plain.split())


def test_the_language_spoken_and_the_prompt_reach_the_model(sdk: OpenAI) -> None:
    def translate(**fields: Any) -> str:
        return sdk.audio.translations.create(file=WEATHER, model="whisper-1", **fields).text

    texts = {
        translate(),
        translate(prompt="Metformin"),
        translate(extra_body={"language": "de"}),
        translate(extra_body={"keywords": ["insulin"]}),
    }

    assert len(texts) == 4


def test_a_temperature_is_the_one_used(sdk: OpenAI) -> None:
    translated = sdk.audio.translations.create(
        file=WEATHER, model="whisper-1", response_format="verbose_json", temperature=0.4
    )

    assert {segment.temperature for segment in translated.segments or ()} == {0.4}


def test_a_translation_can_be_streamed_and_have_words_though_openais_cannot(sdk: OpenAI) -> None:
    words: Any = sdk.audio.translations.create(
        file=JFK,
        model="whisper-1",
        response_format="verbose_json",
        extra_body={"timestamp_granularities": ["word"]},
    )
    streamed = sdk.audio.translations.with_raw_response.create(
        file=JFK, model="whisper-1", extra_body={"stream": "true"}
    )

    assert [word["word"] for word in words.model_extra["words"]] == words.text.split()
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert f'"text":"{words.text}"' in streamed.text


@pytest.mark.anyio
async def test_the_async_client_gets_the_same(address: str, sdk: OpenAI) -> None:
    async with AsyncOpenAI(
        base_url=address, api_key="any", max_retries=0, _strict_response_validation=True
    ) as client:
        translated = await client.audio.translations.create(file=WEATHER, model="whisper-1")

    assert translated.text == sdk.audio.translations.create(file=WEATHER, model="whisper-1").text


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "diarized_json"}, "response_format"),
        ({"temperature": 1.5}, "temperature"),
        ({"extra_body": {"language": "tlh"}}, "language"),
        ({"file": b"no audio"}, "file"),
    ],
)
def test_a_wrong_field_is_named(sdk: OpenAI, fields: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.audio.translations.create(**{"file": WEATHER, "model": "whisper-1", **fields})

    assert refused.value.param == param


def test_an_unknown_model_is_not_found(sdk: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        sdk.audio.translations.create(file=WEATHER, model="gpt-9")


def test_a_model_that_only_transcribes_says_so(stt_url: str) -> None:
    assert refusal(stt_url) == "The model pocketsphinx transcribes and does not translate."


@pytest.mark.parametrize(
    ("name", "multilingual"), [("english", False), ("large-v3-turbo", True), ("distil-x", True)]
)
def test_a_whisper_that_only_transcribes_says_so(
    tmp_path: Path, name: str, multilingual: bool
) -> None:
    folder = random_whisper.write(tmp_path / name, multilingual=multilingual)
    with translator(folder) as url:
        assert f"The model {name} transcribes" in refusal(f"{url}/stt/v1")
        with strict(f"{url}/stt/v1") as sdk:
            assert sdk.audio.transcriptions.create(file=WEATHER, model="whisper-1").text


def refusal(address: str) -> str:
    with strict(address) as sdk, pytest.raises(openai.BadRequestError) as refused:
        sdk.audio.translations.create(file=WEATHER, model="whisper-1")
    assert refused.value.param == "model"
    assert isinstance(refused.value.body, dict)
    message: str = refused.value.body["message"]
    return message
