"""`POST /v1/audio/transcriptions`: what is read from a form, and what is answered."""

from typing import Any

import httpx2
import pytest

from tests.serving import error_of
from tests.stt.recordings import WEATHER, WEATHER_TEXT, wav

SPEECH = WEATHER.read_bytes()


def transcribe(
    client: httpx2.Client, file: bytes = SPEECH, **fields: str | list[str]
) -> httpx2.Response:
    data = {"model": "whisper-1", **fields}
    return client.post("/audio/transcriptions", data=data, files={"file": ("upload", file)})


@pytest.mark.parametrize(
    ("response_format", "content_type", "body"),
    [
        ("text", "text/plain; charset=utf-8", f"{WEATHER_TEXT}\n"),
        ("srt", "text/plain; charset=utf-8", "1\n00:00:00,420 --> 00:00:01,830\n"),
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n00:00:00.420 --> 00:00:01.830\n"),
        ("json", "application/json", f'{{"text":"{WEATHER_TEXT}"'),
        ("verbose_json", "application/json", '{"task":"transcribe","language":"english"'),
    ],
)
def test_each_format_has_its_own_body_and_content_type(
    client: httpx2.Client, response_format: str, content_type: str, body: str
) -> None:
    response = transcribe(client, response_format=response_format)

    assert response.status_code == 200
    assert response.headers["content-type"] == content_type
    assert response.text.startswith(body)
    assert WEATHER_TEXT in response.text


@pytest.mark.parametrize("file", [b"", b"this is not audio", b"RIFF", SPEECH[:30]])
def test_what_cannot_be_decoded_is_a_bad_request(client: httpx2.Client, file: bytes) -> None:
    response = transcribe(client, file)

    assert response.status_code == 400
    assert error_of(response)["param"] == "file"


def test_the_same_audio_always_gets_the_same_answer(client: httpx2.Client) -> None:
    answers = {transcribe(client, response_format="verbose_json").text for _ in range(3)}

    assert len(answers) == 1


@pytest.mark.parametrize(
    "file",
    [wav(b""), wav(bytes(2)), wav(bytes(320)), wav(bytes(3168)), wav(bytes(64_000))],
    ids=["no samples", "one sample", "10 ms", "99 ms", "2 s"],
)
@pytest.mark.parametrize("response_format", ["json", "verbose_json", "text", "srt", "vtt"])
def test_silence_is_an_empty_transcript(
    client: httpx2.Client, file: bytes, response_format: str
) -> None:
    response = transcribe(client, file, response_format=response_format)

    assert response.status_code == 200
    expected: Any = {"text": "\n", "srt": "", "vtt": "WEBVTT\n\n"}
    if response_format in expected:
        assert response.text == expected[response_format]
    else:
        assert response.json()["text"] == ""


@pytest.mark.parametrize("language", ["en", "en-US", "en_us", "English", ""])
def test_english_has_many_names(client: httpx2.Client, language: str) -> None:
    assert transcribe(client, language=language).json()["text"] == WEATHER_TEXT


@pytest.mark.parametrize("name", ["languages", "languages[]"])
def test_one_of_several_languages_may_be_english(client: httpx2.Client, name: str) -> None:
    answer = transcribe(client, **{name: ["fr", "en"]}).json()

    assert answer["text"] == WEATHER_TEXT
    assert answer["languages"] == [{"code": "en"}]


@pytest.mark.parametrize(
    "model",
    ["pocketsphinx", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe"],
)
def test_every_listed_model_transcribes(client: httpx2.Client, model: str) -> None:
    assert model in [entry["id"] for entry in client.get("/models").json()["data"]]
    assert transcribe(client, model=model).status_code == 200


@pytest.mark.parametrize("name", ["timestamp_granularities", "timestamp_granularities[]"])
@pytest.mark.parametrize(
    ("granularities", "present"),
    [([], {"segments"}), (["segment"], {"segments"}), (["word"], {"words"}),
     (["word", "segment"], {"words", "segments"})],
)  # fmt: skip
def test_granularities_choose_what_a_verbose_answer_has(
    client: httpx2.Client, name: str, granularities: list[str], present: set[str]
) -> None:
    answer = transcribe(client, response_format="verbose_json", **{name: granularities}).json()

    assert answer.keys() & {"words", "segments"} == present


def test_words_are_in_order_inside_the_audio_and_rebuild_the_text(client: httpx2.Client) -> None:
    answer = transcribe(
        client, response_format="verbose_json", **{"timestamp_granularities[]": "word"}
    ).json()

    times = [time for word in answer["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= answer["duration"]
    assert " ".join(word["word"] for word in answer["words"]) == answer["text"] == WEATHER_TEXT


@pytest.mark.parametrize("name", ["include", "include[]"])
def test_logprobs_are_given_for_each_word(client: httpx2.Client, name: str) -> None:
    answer = transcribe(client, **{name: "logprobs"}).json()

    assert [entry["token"] for entry in answer["logprobs"]] == WEATHER_TEXT.split()
    assert all(-25 < entry["logprob"] <= 0 for entry in answer["logprobs"])
    assert bytes(answer["logprobs"][0]["bytes"]) == b"what"


@pytest.mark.parametrize(
    "strategy",
    [
        {"chunking_strategy": "auto"},
        {"chunking_strategy": '{"type": "server_vad", "threshold": 0.9}'},
        {"chunking_strategy[type]": "server_vad", "chunking_strategy[silence_duration_ms]": "200"},
    ],
    ids=["auto", "json", "fields"],
)
def test_a_chunking_strategy_may_be_spelt_in_three_ways(
    client: httpx2.Client, strategy: dict[str, str | list[str]]
) -> None:
    assert transcribe(client, **strategy).json()["text"] == WEATHER_TEXT


def test_padding_reaches_what_is_transcribed(client: httpx2.Client) -> None:
    """With less audio around the speech, less of what is transcribed is silence."""
    tight: dict[str, str | list[str]] = {
        "chunking_strategy": '{"type":"server_vad","prefix_padding_ms":0}'
    }

    assert silence_in(client, **tight) < silence_in(client)


def test_without_the_vad_filter_all_is_taken_for_speech(client: httpx2.Client) -> None:
    assert silence_in(client, vad_filter="false") == 0
    assert silence_in(client, vad_filter="true") == silence_in(client) > 0


def silence_in(client: httpx2.Client, **fields: str | list[str]) -> float:
    """The share of the first segment that is no speech."""
    answer = transcribe(client, response_format="verbose_json", **fields).json()
    share: float = answer["segments"][0]["no_speech_prob"]
    return share


def test_hints_and_unknown_fields_change_nothing(client: httpx2.Client) -> None:
    response = transcribe(
        client, prompt="A question.", temperature="0.0", stream="false", user="me",
        temperature_inc="0.2", hotwords="Metformin",
        **{"keywords[]": ["Paris", "weather"], "a[b][]": "c", "a[b][c][]": "d", "a[": "e"},
    )  # fmt: skip

    assert response.json()["text"] == WEATHER_TEXT


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"language": "fr"}, "language"),
        ({"language": "klingon"}, "language"),
        ({"languages[]": ["fr", "de"]}, "languages"),
        ({"language": "en", "languages[]": ["en"]}, "languages"),
        ({"temperature": "1.5"}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"temperature": "nan"}, "temperature"),
        ({"response_format": "diarized_json"}, "response_format"),
        ({"response_format": "yaml"}, "response_format"),
        ({"known_speaker_names[]": "Ann"}, "known_speaker_names"),
        ({"known_speaker_references[]": "data:"}, "known_speaker_references"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities"),
        ({"timestamp_granularities[]": "line", "response_format": "verbose_json"},
         "timestamp_granularities[0]"),
        ({"include[]": "everything"}, "include[0]"),
        ({"include[]": "logprobs", "response_format": "text"}, "include"),
        ({"stream": "perhaps"}, "stream"),
        ({"stream": "true", "response_format": "srt"}, "stream"),
        ({"chunking_strategy": "manual"}, "chunking_strategy"),
        ({"chunking_strategy": "[" * 60_000}, "chunking_strategy"),
        ({"chunking_strategy": '{"type":"server_vad","threshold":2}'},
         "chunking_strategy.threshold"),
        ({"chunking_strategy[threshold]": "0.5"}, "chunking_strategy.type"),
        ({"vad_filter": "sometimes"}, "vad_filter"),
        ({"vad_filter": "false", "chunking_strategy": "auto"}, "vad_filter"),
        ({"model": ""}, "model"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_a_bad_request_that_names_it(
    client: httpx2.Client, fields: dict[str, str | list[str]], param: str
) -> None:
    response = transcribe(client, **fields)

    assert response.status_code == 400
    assert error_of(response)["param"] == param


def test_an_unknown_model_is_404(client: httpx2.Client) -> None:
    response = transcribe(client, model="gpt-9")

    assert response.status_code == 404
    assert error_of(response)["code"] == "model_not_found"


def test_a_request_without_a_file_is_refused(client: httpx2.Client) -> None:
    parts = {"model": (None, b"whisper-1")}

    assert error_of(client.post("/audio/transcriptions", files=parts))["param"] == "file"


def test_a_file_that_is_sent_as_text_is_refused(client: httpx2.Client) -> None:
    parts = {"model": (None, b"whisper-1"), "file": (None, b"text")}

    assert error_of(client.post("/audio/transcriptions", files=parts))["param"] == "file"


def test_two_files_are_refused(client: httpx2.Client) -> None:
    parts = [("file", ("a", SPEECH)), ("file", ("b", SPEECH)), ("model", (None, b"whisper-1"))]

    response = client.post("/audio/transcriptions", files=parts)

    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"model": "whisper-1"}},
        {"data": {"model": "whisper-1"}},
        {"content": b"--x", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"--y\r\n\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"", "headers": {}},
    ],
    ids=["json", "urlencoded", "no boundary", "cut off", "another boundary", "nothing"],
)
def test_a_body_that_is_no_form_with_a_file_is_a_bad_request(
    client: httpx2.Client, body: dict[str, Any]
) -> None:
    response = client.post("/audio/transcriptions", **body)

    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request_error"


def test_a_form_of_very_many_fields_is_refused(client: httpx2.Client) -> None:
    response = transcribe(client, **{"keywords[]": ["word"] * 1_000})

    assert response.status_code == 400
    assert "fields" in str(error_of(response)["message"])


def test_an_upload_above_the_limit_is_413(client: httpx2.Client) -> None:
    response = transcribe(client, bytes(26_214_400 + (1 << 17)))

    assert response.status_code == 413
    assert "content size limit" in str(error_of(response)["message"])


def test_a_transcription_is_measured(client: httpx2.Client, stt_url: str) -> None:
    transcribe(client)
    metrics = client.get(f"{stt_url.removesuffix('/stt/v1')}/metrics").text

    for name in ("audio_seconds_total", "inference_seconds_count", "rtf_count"):
        line = next(line for line in metrics.splitlines() if line.startswith(f"parley_stt_{name}"))
        assert float(line.split()[1]) >= 1
