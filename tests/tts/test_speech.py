"""`POST /v1/audio/speech` with each embedded engine, over a socket."""

# ruff: noqa: RUF001  what looks like another character is what is tested

from typing import Any

import httpx2
import numpy as np
import pytest

from parley_tts.app import create_app
from parley_tts.settings import TtsSettings
from tests.serving import error_of, serve
from tests.tts.sounds import FORMATS, MEDIA_TYPES, decoded, loudness, seconds, sound_alike

SENTENCES = "The doctor will see you on Monday. Please bring your papers with you."
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage",
    "shimmer", "verse",
)  # fmt: skip


def speak(client: httpx2.Client, text: str = SENTENCES, **fields: Any) -> httpx2.Response:
    body = {"model": "tts-1", "voice": "alloy", "input": text, **fields}
    return client.post("/audio/speech", json=body)


def pcm(client: httpx2.Client, text: str = SENTENCES, **fields: Any) -> np.ndarray[Any, Any]:
    response = speak(client, text, response_format="pcm", **fields)
    assert response.status_code == 200, response.text
    return decoded(response.content, "pcm")


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_is_the_same_speech(client: httpx2.Client, form: str) -> None:
    original = pcm(client)
    response = speak(client, response_format=form)
    heard = decoded(response.content, form)

    assert response.status_code == 200
    assert response.headers["content-type"] == MEDIA_TYPES[form]
    assert -0.02 < seconds(heard) - seconds(original) < 0.1
    assert loudness(heard) == pytest.approx(loudness(original), rel=0.1)


def test_mp3_is_what_is_sent_when_nothing_is_asked_for(client: httpx2.Client) -> None:
    response = speak(client, response_format=None, speed=None, stream_format=None)

    assert response.headers["content-type"] == "audio/mpeg"
    assert response.content[0] == 0xFF, "it begins with a frame"


def test_ogg_is_another_name_of_opus(client: httpx2.Client) -> None:
    response = speak(client, response_format="ogg")

    assert response.headers["content-type"] == "audio/opus"
    assert response.content.startswith(b"OggS")


@pytest.mark.parametrize(("speed", "ratio"), [(2.0, 0.5), (4.0, 0.25), (0.5, 2.0), (0.25, 4.0)])
def test_speed_divides_the_duration(client: httpx2.Client, speed: float, ratio: float) -> None:
    assert seconds(pcm(client, speed=speed)) / seconds(pcm(client)) == pytest.approx(ratio, rel=0.1)


def test_speed_is_forgotten_after_a_request(client: httpx2.Client) -> None:
    before = seconds(pcm(client))
    pcm(client, speed=4)

    assert seconds(pcm(client)) == pytest.approx(before, rel=0.01)


@pytest.mark.parametrize("voice", OPENAI_VOICES)
def test_each_of_openai_s_voices_speaks(client: httpx2.Client, voice: str) -> None:
    heard = pcm(client, "Hello.", voice=voice)

    assert seconds(heard) > 0.3
    assert loudness(heard) > 300


def test_each_listed_voice_speaks(client: httpx2.Client) -> None:
    for voice in client.get("/audio/voices?legacy=true").json()["voices"]:
        heard = pcm(client, "Radio.", voice=voice)

        assert seconds(heard) > 0.3, voice
        assert loudness(heard) > 300, voice


def test_a_voice_may_be_an_object(client: httpx2.Client) -> None:
    assert sound_alike(pcm(client, voice={"id": "nova"}), pcm(client, voice="nova"))


def test_instructions_are_taken_and_change_nothing(client: httpx2.Client) -> None:
    assert sound_alike(pcm(client, instructions="Speak like a pirate."), pcm(client))


def test_every_model_is_the_same_engine(client: httpx2.Client) -> None:
    for model in client.get("/audio/models").json()["models"]:
        assert sound_alike(pcm(client, "Hi.", model=model["id"]), pcm(client, "Hi."))


@pytest.mark.parametrize("text", ["...", "😀", "?!", "\u200b\u2014", "\ue000"])
def test_what_has_no_sound_is_a_short_silence(client: httpx2.Client, text: str) -> None:
    heard = pcm(client, text)

    assert seconds(heard) == pytest.approx(0.2, abs=0.01)
    assert loudness(heard) == 0


@pytest.mark.parametrize("form", FORMATS)
def test_silence_comes_in_each_format(client: httpx2.Client, form: str) -> None:
    heard = decoded(speak(client, "...", response_format=form).content, form)

    assert 0.19 < seconds(heard) < 0.35


def test_the_text_after_a_nul_is_spoken(client: httpx2.Client) -> None:
    assert seconds(pcm(client, f"Hello.\0{SENTENCES}")) > seconds(pcm(client))


@pytest.mark.parametrize(
    "text",
    [
        "“Don’t,” she said — “not for €5 at 20°!” 😀",
        "http://example.com/?a=1&b=2 <b>bold</b> [[hello]] & *so* on",
        "9" * 300,
        "a" * 1_000,
        "Dr. J. R. Müller, 3.14\n\n\n- one\n- two",
        "\t\x01\x1b[31mred\x1b[0m",
    ],
)
def test_unusual_text_is_spoken(client: httpx2.Client, text: str) -> None:
    assert seconds(pcm(client, text, speed=4)) > 0.2


def test_the_longest_text_is_spoken_to_its_end(client: httpx2.Client) -> None:
    sentence = "This is a sentence of some words. "
    text = (sentence * 200)[:4096].rpartition(". ")[0] + "."
    spoken = speak(client, text, speed=4, stream_format="json", word_timestamps=True).json()

    assert [word["word"] for word in spoken["words"]] == text.replace(".", "").split()
    assert spoken["words"][-1]["end"] == pytest.approx(spoken["duration"], abs=0.5)


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"input": ""}, 400, "input"),
        ({"input": " \n "}, 400, "input"),
        ({"input": None}, 400, "input"),
        ({"input": 5}, 400, "input"),
        ({"input": "x" * 4097}, 400, "input"),
        ({"model": "gpt-9"}, 404, "model"),
        ({"model": None}, 400, "model"),
        ({"voice": "af_heart"}, 400, "voice"),
        ({"voice": ""}, 400, "voice"),
        ({"voice": None}, 400, "voice"),
        ({"voice": {"id": "nobody"}}, 400, "voice"),
        ({"voice": {"name": "alloy"}}, 400, "voice"),
        ({"voice": ["alloy"]}, 400, "voice"),
        ({"response_format": "midi"}, 400, "response_format"),
        ({"response_format": 3}, 400, "response_format"),
        ({"speed": 0.2}, 400, "speed"),
        ({"speed": 4.1}, 400, "speed"),
        ({"speed": "fast"}, 400, "speed"),
        ({"stream_format": "websocket"}, 400, "stream_format"),
        ({"stream_format": "sse", "stream": False}, 400, "stream"),
        ({"stream_format": "json", "stream": True}, 400, "stream"),
        ({"stream": "often"}, 400, "stream"),
        ({"word_timestamps": True}, 400, "word_timestamps"),
        ({"return_timestamps": True}, 400, "word_timestamps"),
        ({"word_timestamps": "word"}, 400, "word_timestamps"),
        ({"lang_code": "klingon"}, 400, "lang_code"),
        ({"language": "tlh"}, 400, "language"),
        ({"language": ["en"]}, 400, "language"),
        ({"language": "en-GB", "lang_code": "a"}, 400, "language"),
        ({"voice": "alloy+nova"}, 400, "voice"),
        ({"voice": {"id": "alloy(2)"}}, 400, "voice"),
        ({"sample_rate": 7_999}, 400, "sample_rate"),
        ({"sample_rate": 48_001}, 400, "sample_rate"),
        ({"sample_rate": "high"}, 400, "sample_rate"),
        ({"sample_rate": 24_001}, 400, "sample_rate"),
        ({"sample_rate": 24_001, "response_format": "aac"}, 400, "sample_rate"),
        ({"sample_rate": 44_100, "response_format": "opus"}, 400, "sample_rate"),
        ({"normalize": "some"}, 400, "normalize"),
        ({"normalization_options": True}, 400, "normalization_options"),
        ({"normalization_options": {"url_normalization": False}}, 400, "normalization_options"),
        (
            {"normalize": True, "normalization_options": {"normalize": False}},
            400,
            "normalization_options.normalize",
        ),
        (
            {"normalization_options": {"replace_remaining_symbols": True}},
            400,
            "normalization_options.replace_remaining_symbols",
        ),
        ({"instructions": "x" * 4097}, 400, "instructions"),
        ({"instructions": 1}, 400, "instructions"),
    ],
)
def test_a_wrong_field_is_refused_by_name(
    client: httpx2.Client, fields: dict[str, object], status: int, param: str
) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello."} | fields
    response = client.post("/audio/speech", json=body)

    assert response.status_code == status
    error = error_of(response)
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_speed_that_is_no_number_is_refused(client: httpx2.Client, number: str) -> None:
    body = f'{{"model":"tts-1","voice":"alloy","input":"Hi.","speed":{number}}}'
    headers = {"content-type": "application/json"}
    response = client.post("/audio/speech", content=body, headers=headers)

    assert (response.status_code, error_of(response)["param"]) == (400, "speed")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null"])
def test_a_body_that_is_no_object_is_refused(client: httpx2.Client, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = client.post("/audio/speech", content=body, headers=headers)

    assert response.status_code == 400
    error_of(response)


def test_a_broken_character_is_refused_or_silent_but_no_fault(client: httpx2.Client) -> None:
    body = b'{"model":"tts-1","voice":"alloy","input":"Hello \\ud800 there."}'
    headers = {"content-type": "application/json"}
    response = client.post("/audio/speech", content=body, headers=headers)

    assert (response.status_code, error_of(response)["param"]) == (400, "input")


def test_a_refused_voice_hears_which_there_are(client: httpx2.Client) -> None:
    message = error_of(speak(client, voice="nobody"))["message"] or ""

    for voice in client.get("/audio/voices?legacy=true").json()["voices"]:
        assert voice in message
    assert "alloy" in message
    assert "nobody" not in message


def test_a_longer_text_may_be_allowed() -> None:
    settings = TtsSettings(allow_anonymous=True, engine="flite", max_input_chars=5_000)
    with serve(create_app(settings)) as url, httpx2.Client(base_url=f"{url}/tts/v1") as client:
        assert speak(client, "." * 5_000).status_code == 200
        assert speak(client, "." * 5_001).status_code == 400


@pytest.mark.parametrize("text", ["日本語", "Привет, мир!", "नमस्ते"])
def test_flite_refuses_a_script_that_it_cannot_read(text: str) -> None:
    settings = TtsSettings(allow_anonymous=True, engine="flite")
    with serve(create_app(settings)) as url, httpx2.Client(base_url=f"{url}/tts/v1") as client:
        response = speak(client, text)

    assert (response.status_code, error_of(response)["param"]) == (400, "input")


def test_espeak_reads_other_scripts() -> None:
    settings = TtsSettings(allow_anonymous=True, engine="espeak")
    with serve(create_app(settings)) as url, httpx2.Client(base_url=f"{url}/tts/v1") as client:
        assert seconds(pcm(client, "Привет, мир!", voice="ru")) > 0.5
