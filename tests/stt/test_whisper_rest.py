"""The REST surface with faster-whisper behind it: what is asked for reaches the model.

The model's words mean nothing, but they depend on the sound, the language, the task and the prompt.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from parley.bench import random_whisper
from parley_stt.app import create_app
from parley_stt.settings import SttSettings
from tests.serving import error_of, serve
from tests.stt.recordings import JFK, WEATHER, long_speech, wav

REPOSITORY = "Systran/faster-whisper-tiny"
SPEECH = WEATHER.read_bytes()
NO_SPEECH = {
    "no samples": wav(b""),
    "10 ms": wav(bytes(320)),
    "99 ms": wav(bytes(3168)),
    "2 s": wav(bytes(64_000)),
}


def whisper_settings(folder: Path, **settings: Any) -> SttSettings:
    return SttSettings(
        allow_anonymous=True, engine="faster-whisper", model=str(folder), device="cpu", **settings
    )


@pytest.fixture(scope="module")
def whisper_url(whisper_folder: Path) -> Iterator[str]:
    settings = whisper_settings(whisper_folder, served_models=f"whisper-1,{REPOSITORY}")
    with serve(create_app(settings)) as url:
        yield f"{url}/stt/v1"


@pytest.fixture(scope="module")
def whisper(whisper_url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=whisper_url, timeout=30) as client:
        yield client


def post(
    client: httpx2.Client, route: str = "transcriptions", file: bytes = SPEECH, **fields: Any
) -> httpx2.Response:
    data = {"model": "whisper-1", **fields}
    return client.post(f"/audio/{route}", data=data, files={"file": ("upload", file)})


def text(client: httpx2.Client, **fields: Any) -> str:
    heard: str = post(client, **fields).json()["text"]
    assert heard
    return heard


def verbose(client: httpx2.Client, **fields: Any) -> Any:
    return post(client, response_format="verbose_json", **fields).json()


def test_equal_requests_get_equal_answers(whisper: httpx2.Client) -> None:
    assert len({post(whisper, response_format="verbose_json").text for _ in range(3)}) == 1


@pytest.mark.parametrize(
    "fields",
    [{"language": "de"}, {"prompt": "Metformin"}, {"hotwords": "Metformin"},
     {"keywords[]": ["Metformin", "insulin"]}],
    ids=["language", "prompt", "hotwords", "keywords"],
)  # fmt: skip
def test_each_hint_reaches_the_model(whisper: httpx2.Client, fields: Any) -> None:
    assert text(whisper, **{"language": "en", **fields}) != text(whisper, language="en")


def test_hotwords_are_keywords(whisper: httpx2.Client) -> None:
    assert text(whisper, hotwords="insulin", keywords="Metformin") == text(
        whisper, keywords=["Metformin", "insulin"]
    )


def test_a_language_that_is_not_given_is_detected(whisper: httpx2.Client) -> None:
    assert verbose(whisper)["language"] == "english"
    assert post(whisper).json()["languages"] == [{"code": "en"}]


@pytest.mark.parametrize("language", ["de", "de-AT", "German"])
def test_a_language_that_is_given_is_the_answers(whisper: httpx2.Client, language: str) -> None:
    assert verbose(whisper, language=language)["language"] == "german"
    assert verbose(whisper, file=NO_SPEECH["2 s"], language=language)["language"] == "german"


@pytest.mark.parametrize("name", ["languages", "languages[]"])
def test_only_languages_that_may_be_spoken_are_detected(whisper: httpx2.Client, name: str) -> None:
    answer = post(whisper, **{name: ["cy", "sw", "tlh"]}).json()

    assert answer["languages"] in ([{"code": "cy"}], [{"code": "sw"}])


def test_an_unknown_language_is_a_short_refusal(whisper: httpx2.Client) -> None:
    response = post(whisper, language="tlh")

    assert response.status_code == 400
    assert error_of(response)["param"] == "language"
    assert len(str(error_of(response)["message"])) < 300


def test_segments_have_the_models_own_numbers(whisper: httpx2.Client) -> None:
    answer = verbose(whisper)

    assert len(answer["segments"]) == 2
    assert "".join(segment["text"] for segment in answer["segments"]).strip() == answer["text"]
    for segment in answer["segments"]:
        assert len(segment["tokens"]) > 4
        assert -1 < segment["avg_logprob"] < 0
        assert 0 < segment["compression_ratio"] < 2.4
        assert segment["temperature"] == 0
        assert 0 <= segment["start"] < segment["end"] <= answer["duration"]


@pytest.mark.parametrize("response_format", ["srt", "vtt"])
def test_subtitles_have_a_cue_for_each_segment(
    whisper: httpx2.Client, response_format: str
) -> None:
    subtitles = post(whisper, response_format=response_format).text
    segments = verbose(whisper)["segments"]

    cues = [line for line in subtitles.splitlines() if " --> " in line]
    assert len(cues) == len(segments) == 2
    for cue, segment in zip(cues, segments, strict=True):
        assert f"{segment['start']:06.3f} --> " in cue.replace(",", ".")
        assert segment["text"].strip() in subtitles


def test_a_segment_tells_the_numbers_of_the_window_that_it_is_from(
    whisper: httpx2.Client,
) -> None:
    """A client that looks for text which repeats itself must see it in the whole window."""
    segments = verbose(whisper, file=long_speech())["segments"]

    assert len({segment["compression_ratio"] for segment in segments}) == 1
    assert {segment["seek"] for segment in segments} == {round(segments[0]["start"] * 100)}


def test_words_are_those_of_the_text(whisper: httpx2.Client) -> None:
    answer = verbose(whisper, **{"timestamp_granularities[]": ["word", "segment"]})

    assert [word["word"] for word in answer["words"]] == answer["text"].split()
    times = [time for word in answer["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert times[-1] <= answer["duration"]


def test_words_alone_come_without_segments(whisper: httpx2.Client) -> None:
    answer = verbose(whisper, timestamp_granularities="word")

    assert answer["words"]
    assert "segments" not in answer


def test_logprobs_are_given_for_each_word(whisper: httpx2.Client) -> None:
    answer = post(whisper, **{"include[]": "logprobs"}).json()

    assert [entry["token"] for entry in answer["logprobs"]] == answer["text"].split()
    assert all(entry["logprob"] <= 0 for entry in answer["logprobs"])


def test_a_temperature_that_is_given_is_the_one_used(whisper: httpx2.Client) -> None:
    assert {s["temperature"] for s in verbose(whisper, temperature="0.8")["segments"]} == {0.8}
    assert {s["temperature"] for s in verbose(whisper, temperature="0.0")["segments"]} == {0.0}


@pytest.mark.parametrize("route", ["transcriptions", "translations"])
@pytest.mark.parametrize("length", NO_SPEECH)
@pytest.mark.parametrize(
    ("response_format", "empty"),
    [("json", '{"text":""'), ("verbose_json", '{"task":"trans'), ("text", "\n"), ("srt", ""),
     ("vtt", "WEBVTT\n\n")],
)  # fmt: skip
def test_silence_is_an_empty_transcript(
    whisper: httpx2.Client, route: str, length: str, response_format: str, empty: str
) -> None:
    response = post(whisper, route, NO_SPEECH[length], response_format=response_format)

    assert response.status_code == 200
    if response_format.endswith("json"):
        assert response.json()["text"] == ""
        assert response.text.startswith(empty)
    else:
        assert response.text == empty


def test_without_the_vad_filter_silence_goes_to_the_model(whisper: httpx2.Client) -> None:
    assert text(whisper, file=NO_SPEECH["2 s"], vad_filter="false")
    assert post(whisper, file=NO_SPEECH["2 s"], vad_filter="true").json()["text"] == ""


def test_a_request_may_want_the_vad_filter_that_the_service_has_off(whisper_folder: Path) -> None:
    app = create_app(whisper_settings(whisper_folder, vad_filter=False))
    with serve(app) as url, httpx2.Client(base_url=f"{url}/stt/v1", timeout=30) as client:
        assert text(client, file=NO_SPEECH["2 s"])
        for wanted in ({"vad_filter": "true"}, {"chunking_strategy": "auto"}):
            assert post(client, file=NO_SPEECH["2 s"], **wanted).json()["text"] == ""


@pytest.mark.parametrize("model", ["whisper-1", REPOSITORY])
def test_a_model_may_have_a_slash_in_its_name(whisper_url: str, model: str) -> None:
    with OpenAI(
        base_url=whisper_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as sdk:
        assert sdk.models.retrieve(model).id == model
        assert sdk.audio.transcriptions.create(file=WEATHER, model=model).text


def test_the_sdk_streams_what_it_also_gets_whole(whisper_url: str) -> None:
    with OpenAI(
        base_url=whisper_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as sdk:
        whole = sdk.audio.transcriptions.create(file=JFK, model="whisper-1")
        *deltas, done = sdk.audio.transcriptions.create(file=JFK, model="whisper-1", stream=True)

    assert len(deltas) > 1
    assert "".join(getattr(event, "delta", "") for event in deltas) == whole.text
    assert getattr(done, "text", None) == whole.text


def test_long_audio_has_text_on_the_wire_before_it_is_decoded(whisper: httpx2.Client) -> None:
    """The last of its windows is not begun when the first is told."""
    long = wav(long_speech()[44:] * 15)
    data = {"model": "whisper-1", "stream": "true"}
    with whisper.stream(
        "POST", "/audio/transcriptions", data=data, files={"file": ("upload", long)}
    ) as response:
        lines = (line for line in response.iter_lines() if line)
        assert "transcript.text.delta" in next(lines)
        metrics = httpx2.get(f"{str(whisper.base_url).removesuffix('/stt/v1/')}/metrics").text
        assert "parley_in_flight 2" in metrics
        assert "transcript.text.done" in list(lines)[-1]


def test_a_repetitive_transcript_is_sampled_until_it_is_none(tmp_path: Path) -> None:
    folder = random_whisper.write(tmp_path / "model", manner=random_whisper.Manner.REPEATING)
    app = create_app(whisper_settings(folder, compute_type="float32"))
    with serve(app) as url, httpx2.Client(base_url=f"{url}/stt/v1", timeout=30) as client:
        segments = verbose(client)["segments"]
        stubborn = verbose(client, temperature="0.1")["segments"]

    assert all(segment["temperature"] > 0 for segment in segments)
    assert all(segment["temperature"] == 0.1 for segment in stubborn)
