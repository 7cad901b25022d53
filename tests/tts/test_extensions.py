"""What a request may ask for beside what OpenAI's may: over a socket, of the embedded engines."""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from parley_tts.app import create_app
from parley_tts.engine import Manner, Voice
from parley_tts.engines.scheduled import ScheduledEngine
from parley_tts.engines.synthesiser import Sound
from parley_tts.settings import TtsSettings
from tests.serving import serve
from tests.tts.beeping import BeepingSynthesiser
from tests.tts.sounds import FORMATS, MEDIA_TYPES, decoded, decoded_at, seconds

TEXT = "  “Hello,” said Mr. Smith — it's a fine day.\nIs it not?  "
WORDS = ["Hello", "said", "Mr", "Smith", "it's", "a", "fine", "day", "Is", "it", "not"]


def speak(client: httpx2.Client, text: str = TEXT, **fields: Any) -> httpx2.Response:
    body = {"model": "tts-1", "voice": "alloy", "input": text, **fields}
    response = client.post("/audio/speech", json=body)
    assert response.status_code == 200, response.text
    return response


def events(client: httpx2.Client, **fields: Any) -> list[dict[str, Any]]:
    lines = speak(client, stream_format="sse", **fields).text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line]


def audio_in(events: list[dict[str, Any]]) -> bytes:
    deltas = [event for event in events if event["type"] == "speech.audio.delta"]
    return b"".join(b64decode(delta["audio"]) for delta in deltas)


def words_in(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [event["words"] for event in events if event["type"] == "speech.audio.words"]
    return [word for words in found for word in words]


@pytest.mark.parametrize("form", FORMATS)
def test_events_tell_when_each_word_of_the_text_is_heard(client: httpx2.Client, form: str) -> None:
    found = events(client, word_timestamps=True, response_format=form)
    words, heard = words_in(found), decoded(audio_in(found), form)

    assert [word["word"] for word in words] == WORDS
    assert all(TEXT[slice(*word["span"])] == word["word"] for word in words)
    times = [time for word in words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= seconds(heard)


def test_words_come_right_after_the_beginning_of_their_audio(client: httpx2.Client) -> None:
    found = events(client, word_timestamps=True, response_format="pcm")
    heard_s = 0.0
    for event in found:
        if event["type"] == "speech.audio.delta":
            began_s = heard_s
            heard_s += seconds(decoded(b64decode(event["audio"]), "pcm"))
        elif event["type"] == "speech.audio.words":
            assert event["words"][0]["start"] >= began_s - 0.1

    assert [event["type"] for event in found[:2]] == ["speech.audio.delta", "speech.audio.words"]
    assert found[-1]["type"] == "speech.audio.done"


def test_words_are_timed_in_the_audio_that_is_heard_not_in_that_before_it_was_encoded(
    client: httpx2.Client,
) -> None:
    def first_word_at(form: str) -> float:
        return float(
            words_in(events(client, word_timestamps=True, response_format=form))[0]["start"]
        )

    assert first_word_at("mp3") - first_word_at("pcm") == pytest.approx(1105 / 24_000, abs=0.002)
    assert first_word_at("aac") - first_word_at("pcm") == pytest.approx(1024 / 24_000, abs=0.002)
    assert first_word_at("opus") == first_word_at("pcm")


def test_nobody_gets_words_who_did_not_ask(client: httpx2.Client) -> None:
    assert words_in(events(client)) == []
    assert "words" not in speak(client, stream_format="json").json()


@pytest.mark.parametrize("form", FORMATS)
def test_an_object_has_the_audio_and_its_words(client: httpx2.Client, form: str) -> None:
    found = events(client, word_timestamps=True, response_format=form)
    whole = speak(client, stream_format="json", return_timestamps=True, response_format=form).json()
    heard = decoded(b64decode(whole["audio"]), form)

    assert heard.tobytes() == decoded(audio_in(found), form).tobytes()
    assert whole["words"] == words_in(found)
    assert whole["usage"] == found[-1]["usage"]
    assert (whole["format"], whole["sample_rate"]) == (form, 48_000 if form == "opus" else 24_000)
    assert -0.001 <= seconds(heard) - whole["duration"] < 0.11


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_not_to_be_streamed_says_its_length(client: httpx2.Client, form: str) -> None:
    streamed, whole = (
        speak(client, response_format=form, stream=stream) for stream in (True, False)
    )

    assert "content-length" not in streamed.headers
    assert int(whole.headers["content-length"]) == len(whole.content)
    assert streamed.headers["content-type"] == whole.headers["content-type"] == MEDIA_TYPES[form]
    assert decoded(streamed.content, form).tobytes() == decoded(whole.content, form).tobytes()


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_a_short_file_says_its_length(client: httpx2.Client, form: str) -> None:
    speak(client, "Hello.", response_format=form)
    again = speak(client, "Hello.", response_format=form)

    assert int(again.headers["content-length"]) == len(again.content)


@pytest.mark.parametrize(
    ("form", "rate"),
    [
        ("pcm", 8_000), ("pcm", 22_050), ("wav", 16_000), ("wav", 48_000), ("flac", 44_100),
        ("mp3", 8_000), ("mp3", 44_100), ("aac", 16_000), ("opus", 8_000), ("opus", 24_000),
    ],
)  # fmt: skip
def test_a_sample_rate_changes_neither_length_nor_words(
    client: httpx2.Client, form: str, rate: int
) -> None:
    usual = speak(client, stream_format="json", word_timestamps=True, response_format="pcm").json()
    whole = speak(
        client, stream_format="json", word_timestamps=True, response_format=form, sample_rate=rate
    ).json()
    heard = decoded_at(b64decode(whole["audio"]), form, rate)

    assert whole["sample_rate"] == rate
    assert whole["duration"] == pytest.approx(usual["duration"], abs=0.002)
    assert -0.001 <= len(heard) / rate - whole["duration"] < 0.35
    assert [word["word"] for word in whole["words"]] == [word["word"] for word in usual["words"]]


class BlendingSynthesiser(BeepingSynthesiser):
    """Beeps, and remembers how."""

    blends = True
    voices = (Voice("low", "Low", "en-US", "male"), Voice("high", "High", "en-GB", "female"))
    openai_voices = {"alloy": "low"}  # noqa: RUF012  never changed
    languages = ("en-US", "en-GB", "pt-BR")

    def __init__(self) -> None:
        super().__init__()
        self.manners: list[Manner] = []

    def synthesise(self, phrases: Any, manner: Manner) -> Sound:
        self.manners.append(manner)
        return super().synthesise(phrases, manner)


@pytest.fixture(scope="module")
def beeps() -> BlendingSynthesiser:
    return BlendingSynthesiser()


@pytest.fixture(scope="module")
def blending(beeps: BlendingSynthesiser) -> Iterator[httpx2.Client]:
    settings = TtsSettings(allow_anonymous=True)
    app = create_app(settings, ScheduledEngine(beeps, settings.served_models))
    with serve(app) as url, httpx2.Client(base_url=f"{url}/tts/v1") as client:
        yield client


def manner(*voice: tuple[str, float], language: str = "en-US", **others: Any) -> Manner:
    return Manner(voice or (("low", 1.0),), language=language, **others)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, manner()),
        ({"voice": "high"}, manner(("high", 1.0), language="en-GB")),
        ({"voice": "low(3)+high"}, manner(("low", 0.75), ("high", 0.25))),
        ({"voice": {"id": "alloy+high(3)"}},
         manner(("low", 0.25), ("high", 0.75), language="en-GB")),
        ({"speed": 2}, manner(speed=2.0)),
        ({"lang_code": "b"}, manner(language="en-GB")),
        ({"language": "pt"}, manner(language="pt-BR")),
        ({"language": "pt-br", "lang_code": "p"}, manner(language="pt-BR")),
        ({"lang_code": ""}, manner()),
        ({"normalize": False}, manner(normalise=False)),
        ({"normalization_options": {"normalize": False, "url_normalization": False}},
         manner(normalise=False)),
        ({"normalization_options": {"email_normalization": True}}, manner()),
    ],
    ids=str,
)  # fmt: skip
def test_the_engine_speaks_in_the_manner_that_was_asked_for(
    blending: httpx2.Client,
    beeps: BlendingSynthesiser,
    fields: dict[str, object],
    expected: Manner,
) -> None:
    speak(blending, "Say it.", **fields)

    assert beeps.manners[-1] == expected


def test_pauses_may_not_last_longer_than_a_minute_together(client: httpx2.Client) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "Wait. " + "[pause:10s]" * 7}
    response = client.post("/audio/speech", json=body)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "input"
