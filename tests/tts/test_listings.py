"""What speaks here: voices and models, and who may ask."""

from pathlib import Path

import httpx2
import pytest

from parley_tts.app import create_app
from parley_tts.engines.espeak import EspeakSynthesiser
from parley_tts.engines.flite import FliteSynthesiser
from parley_tts.engines.kokoro.voices import OF_KOKORO_V1, catalogue, openai_voices
from parley_tts.settings import TtsSettings
from tests.serving import error_of, serve
from tests.tts.conftest import MODELS

KEY = "a-key-of-the-tests"


def test_voices_are_listed_with_what_they_are(client: httpx2.Client) -> None:
    voices = client.get("/audio/voices").json()["voices"]

    assert len(voices) >= 4
    for voice in voices:
        assert set(voice) == {"id", "name", "language", "gender"}
        assert all(isinstance(value, str) and value for value in voice.values())


def test_the_legacy_list_is_of_ids(client: httpx2.Client) -> None:
    voices = client.get("/audio/voices").json()["voices"]

    legacy = client.get("/audio/voices", params={"legacy": "true"}).json()
    assert legacy == {"voices": [voice["id"] for voice in voices]}


def test_models_are_listed_in_both_shapes(client: httpx2.Client, engine: str) -> None:
    expected = [MODELS[engine], "kokoro", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"]

    short = client.get("/audio/models").json()
    assert short == {"models": [{"id": model} for model in expected]}
    assert [model["id"] for model in client.get("/models").json()["data"]] == expected
    assert client.get("/models/tts-1").json()["object"] == "model"
    assert error_of(client.get("/models/nothing"))["code"] == "model_not_found"


def test_a_model_has_its_voices_wherever_it_is_told_of(client: httpx2.Client) -> None:
    voices = client.get("/audio/voices").json()["voices"]

    for model in client.get("/models").json()["data"]:
        assert model["voices"] == voices
        assert client.get(f"/models/{model['id']}").json() == model


def test_voices_cannot_be_made(client: httpx2.Client) -> None:
    refused = client.post("/audio/voices", data={"name": "me"})

    assert refused.status_code == 405
    assert error_of(refused)["code"] == "method_not_allowed"


@pytest.mark.parametrize("legacy", ["maybe", ""])
def test_a_wrong_query_is_refused_by_name(client: httpx2.Client, legacy: str) -> None:
    refused = client.get("/audio/voices", params={"legacy": legacy})

    assert (refused.status_code, error_of(refused)["param"]) == (400, "legacy")


def test_lists_are_open_and_speech_is_not() -> None:
    app = create_app(TtsSettings(engine="flite", api_keys=KEY))
    speech = {"model": "tts-1", "voice": "alloy", "input": "Hello."}
    with serve(app) as url, httpx2.Client(base_url=f"{url}/tts/v1") as client:
        assert client.get("/audio/voices").status_code == 200
        assert client.get("/audio/models").status_code == 200
        assert client.get("/models").status_code == 401
        assert client.post("/audio/voices").status_code == 401
        assert client.post("/audio/speech", json=speech).status_code == 401
        bearer = {"authorization": f"Bearer {KEY}"}
        assert client.post("/audio/speech", json=speech, headers=bearer).status_code == 200


def test_the_status_names_the_engine(tts_url: str, engine: str) -> None:
    status = httpx2.get(f"{tts_url.removesuffix('/tts/v1')}/status").json()

    assert (status["state"], status["engine"]) == ("ready", MODELS[engine])
    assert (status["running"], status["max_concurrency"]) == (0, 16)


def test_the_readme_has_the_voices_that_openai_s_names_stand_for() -> None:
    readme = (
        Path(__file__).parents[2].joinpath("services/tts/README.md").read_text(encoding="utf-8")
    )

    kokoro = openai_voices(catalogue(OF_KOKORO_V1, ["en-US", "en-GB"]))
    for name, voice in FliteSynthesiser.openai_voices.items():
        of_espeak = EspeakSynthesiser.openai_voices[name]
        assert f"| {name} | {kokoro[name]} | {voice} | {of_espeak} |" in readme
