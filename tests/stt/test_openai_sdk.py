"""The official Python SDK, strict about every field of every response."""

from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.serving import wait_until
from tests.stt.breakable import service
from tests.stt.recordings import JFK, WEATHER, WEATHER_TEXT

SPEECH = WEATHER.read_bytes()
ROWS: list[dict[str, Any]] = [
    {},
    {"response_format": "json", "include": ["logprobs"]},
    {"response_format": "text"},
    {"response_format": "srt"},
    {"response_format": "vtt"},
    {"response_format": "verbose_json"},
    {"response_format": "verbose_json", "timestamp_granularities": ["segment"]},
    {"response_format": "verbose_json", "timestamp_granularities": ["word"]},
    {"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]},
]


@pytest.fixture(scope="module")
def sdk(stt_url: str) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=stt_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as sdk:
        yield sdk


@pytest.mark.parametrize("response_format", ["text", "srt", "vtt"])
def test_plain_formats_are_returned_verbatim(sdk: OpenAI, response_format: Any) -> None:
    heard = sdk.audio.transcriptions.create(
        file=WEATHER, model="whisper-1", response_format=response_format
    )

    assert WEATHER_TEXT in str(heard)
    assert '"' not in str(heard)


def test_json_has_text_languages_and_usage(sdk: OpenAI) -> None:
    heard = sdk.audio.transcriptions.create(
        file=WEATHER.read_bytes(), model="gpt-4o-transcribe", include=["logprobs"], language="en"
    )

    assert heard.text == WEATHER_TEXT
    assert heard.usage is not None
    assert heard.usage.type == "duration"
    assert heard.usage.seconds == 2
    assert heard.logprobs
    assert heard.languages
    assert heard.languages[0].code == "en"


@pytest.mark.parametrize("granularities", [[], ["segment"], ["word"], ["segment", "word"]])
def test_a_verbose_answer_has_the_granularities_asked_for(
    sdk: OpenAI, granularities: list[Any]
) -> None:
    heard = sdk.audio.transcriptions.create(
        file=WEATHER,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=granularities,
    )

    assert (heard.language, heard.duration) == ("english", pytest.approx(1.868, abs=0.001))
    assert (heard.words is not None) == ("word" in granularities)
    assert (heard.segments is not None) == (granularities != ["word"])
    for segment in heard.segments or ():
        assert segment.text == f" {WEATHER_TEXT}"
        assert -1 < segment.avg_logprob < 0
        assert 0 <= segment.no_speech_prob < 0.5


def test_a_streamed_transcription_adds_up_to_its_done_event(sdk: OpenAI) -> None:
    stream = sdk.audio.transcriptions.create(
        file=JFK, model="gpt-4o-mini-transcribe", stream=True, include=["logprobs"],
        chunking_strategy={"type": "server_vad", "silence_duration_ms": 300},
    )  # fmt: skip
    events = list(stream)

    *deltas, done = events
    assert len(deltas) > 1
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert done.type == "transcript.text.done"
    assert "".join(event.delta for event in deltas if event.type == "transcript.text.delta") == (
        done.text
    )
    assert "what you can do for your country" in done.text


@pytest.mark.anyio
@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_the_async_client_gets_every_format_as_the_other_does(
    stt_url: str, sdk: OpenAI, row: dict[str, Any]
) -> None:
    async with AsyncOpenAI(
        base_url=stt_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as client:
        heard = await client.audio.transcriptions.create(file=SPEECH, model="whisper-1", **row)

    assert heard == sdk.audio.transcriptions.create(file=SPEECH, model="whisper-1", **row)


@pytest.mark.anyio
async def test_the_async_client_streams_as_well(stt_url: str) -> None:
    async with AsyncOpenAI(
        base_url=stt_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as client:
        stream = await client.audio.transcriptions.create(
            file=SPEECH, model="gpt-transcribe", stream=True
        )
        *_, done = [event async for event in stream]

    assert getattr(done, "text", None) == WEATHER_TEXT


def test_fields_of_other_servers_come_with_extra_body(sdk: OpenAI) -> None:
    heard = sdk.audio.transcriptions.create(
        file=WEATHER, model="whisper-1", keywords=["Paris"], languages=["en", "fr"],
        extra_body={"hotwords": "weather", "vad_filter": False, "a": {"b": ["c"]}},
    )  # fmt: skip

    assert heard.text == WEATHER_TEXT


def test_the_sdk_comes_again_when_it_is_told_to() -> None:
    """The second time there is room."""
    statuses: list[int] = []
    with service(workers=1, max_concurrency=1, max_queue=0) as stt:
        hog = stt.start_slowly(WEATHER.read_bytes())
        wait_until(lambda: stt.in_flight == 1, 5, "the hog's upload has begun")

        def note(response: httpx2.Response) -> None:
            statuses.append(response.status_code)
            hog.close()

        with (
            httpx2.Client(event_hooks={"response": [note]}) as http,
            OpenAI(base_url=f"{stt.url}/stt/v1", api_key="any", http_client=http) as sdk,
        ):
            heard = sdk.audio.transcriptions.create(file=WEATHER, model="whisper-1")

    assert statuses == [503, 200]
    assert heard.text == WEATHER_TEXT


def test_what_is_not_audio_is_a_bad_request_about_the_file(sdk: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.audio.transcriptions.create(file=b"this is not audio", model="whisper-1")

    assert refused.value.param == "file"


def test_a_stream_that_cannot_start_is_a_bad_request(sdk: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        list(sdk.audio.transcriptions.create(file=b"no audio", model="whisper-1", stream=True))


def test_models_are_listed_and_retrieved(sdk: OpenAI) -> None:
    first = sdk.models.list().data[0]

    assert first.id == "pocketsphinx"
    assert sdk.models.retrieve("whisper-1").id == "whisper-1"
