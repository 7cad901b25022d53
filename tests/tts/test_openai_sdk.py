"""The official Python SDK, strict about every field of every response."""

import json
import wave
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.tts.breakable import service
from tests.tts.sounds import FORMATS, decoded, seconds

SENTENCES = "The doctor will see you on Monday. Please bring your papers with you."


@pytest.fixture(scope="session")
def sdk(tts_url: str) -> Iterator[OpenAI]:
    with strict(tts_url) as sdk:
        yield sdk


def strict(url: str) -> OpenAI:
    return OpenAI(base_url=url, api_key="any", max_retries=0, _strict_response_validation=True)


@pytest.mark.parametrize("form", FORMATS)
def test_speech_in_each_format(sdk: OpenAI, form: Any) -> None:
    speech = sdk.audio.speech.create(
        input=SENTENCES, model="gpt-4o-mini-tts", voice="coral", response_format=form
    )

    assert 3 < seconds(decoded(speech.content, form)) < 8


@pytest.mark.parametrize("form", FORMATS)
def test_speech_as_a_stream_of_audio(sdk: OpenAI, form: Any) -> None:
    with sdk.audio.speech.with_streaming_response.create(
        input=SENTENCES, model="tts-1", voice="onyx", response_format=form, speed=1.5
    ) as response:
        audio = b"".join(response.iter_bytes())

    assert 2 < seconds(decoded(audio, form)) < 6


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("model", ["gpt-4o-mini-tts", "tts-1"])
def test_speech_as_a_stream_of_events(sdk: OpenAI, form: Any, model: str) -> None:
    with sdk.audio.speech.with_streaming_response.create(
        input=SENTENCES,
        model=model,
        voice={"id": "marin"},
        instructions="Speak kindly.",
        response_format=form,
        stream_format="sse",
    ) as response:
        events = list(_events(response.iter_lines()))

    *deltas, done = events
    assert 3 < seconds(decoded(b"".join(b64decode(e["audio"]) for e in deltas), form)) < 8
    assert done["usage"]["total_tokens"] > done["usage"]["input_tokens"] == 13


def test_extensions_are_sent_as_extra_fields(sdk: OpenAI) -> None:
    with sdk.audio.speech.with_streaming_response.create(
        input=SENTENCES,
        model="kokoro",
        voice="alloy",
        response_format="pcm",
        stream_format="sse",
        extra_body={"word_timestamps": True, "sample_rate": 16_000, "language": "en"},
    ) as response:
        words = [w for e in _events(response.iter_lines()) for w in e.get("words", [])]

    assert [word["word"] for word in words] == SENTENCES.replace(".", "").split()


def test_a_speech_with_its_words_is_an_object(sdk: OpenAI) -> None:
    speech = sdk.audio.speech.create(
        input=SENTENCES,
        model="kokoro",
        voice="alloy",
        extra_body={"stream_format": "json", "word_timestamps": True},
    ).json()

    assert 3 < seconds(decoded(b64decode(speech["audio"]), "mp3")) < 8
    assert len(speech["words"]) == speech["usage"]["input_tokens"] == 13


def test_a_speech_is_written_to_a_file(sdk: OpenAI, tmp_path: Path) -> None:
    file = tmp_path / "speech.wav"
    sdk.audio.speech.create(
        input=SENTENCES, model="tts-1", voice="alloy", response_format="wav",
        extra_body={"stream": False},
    ).write_to_file(file)  # fmt: skip

    with wave.open(str(file)) as reader:
        assert 3 < reader.getnframes() / reader.getframerate() < 8


def test_an_event_tells_of_a_failure() -> None:
    with (
        service() as tts,
        strict(f"{tts.url}/tts/v1") as sdk,
        sdk.audio.speech.with_streaming_response.create(
            input="Hello there. This will fail.", model="kokoro", voice="alloy", stream_format="sse"
        ) as response,
    ):
        *_, last = _events(response.iter_lines())

    assert last["error"]["type"] == "server_error"


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    return (json.loads(line.removeprefix("data: ")) for line in lines if line)


@pytest.mark.anyio
async def test_the_async_client_hears_the_same(tts_url: str) -> None:
    async with AsyncOpenAI(
        base_url=tts_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as sdk:
        speech = await sdk.audio.speech.create(
            input=SENTENCES, model="tts-1-hd", voice="alloy", response_format="wav"
        )

    assert 3 < seconds(decoded(speech.content, "wav")) < 8


def test_a_wrong_voice_is_a_bad_request_that_names_the_field(sdk: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.audio.speech.create(input="Hello.", model="tts-1", voice="nobody")

    assert refused.value.param == "voice"


def test_an_unknown_model_is_not_found(sdk: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        sdk.audio.speech.create(input="Hello.", model="tts-9", voice="alloy")

    assert refused.value.code == "model_not_found"


def test_a_stream_that_is_cut_is_an_error_of_the_sdk() -> None:
    with service() as tts, strict(f"{tts.url}/tts/v1") as sdk, pytest.raises(openai.APIError):
        sdk.audio.speech.create(input="Hello. This will fail.", model="tts-1", voice="alloy")
