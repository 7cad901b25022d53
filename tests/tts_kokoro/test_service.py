"""Kokoro behind the API, on a socket."""

import io
import json
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest

from parley_tts.app import create_app
from tests.serving import error_of, serve, wait_until
from tests.tts_kokoro.conftest import settings
from tests.tts_kokoro.speech import SENTENCES

VOICES = {"en-US": "af_heart", "en-GB": "bm_fable", "es-ES": "ef_dora", "fr-FR": "ff_siwis",
          "hi": "hf_alpha", "it": "if_sara", "ja": "jf_alpha", "pt-BR": "pf_dora",
          "zh-CN": "zf_xiaobei"}  # fmt: skip


def speak(client: httpx2.Client, text: str, voice: Any = "alloy", **fields: Any) -> httpx2.Response:
    """As a file, whose header tells how long it is."""
    wav = {"response_format": "wav", "stream": False}
    body = {"model": "kokoro", "input": text, "voice": voice} | wav | fields
    return client.post("/tts/v1/audio/speech", json=body)


def seconds(response: httpx2.Response) -> float:
    with wave.open(io.BytesIO(response.content)) as clip:
        assert clip.getframerate() == 24_000
        return clip.getnframes() / clip.getframerate()


def test_the_status_tells_engine_runtime_and_languages(client: httpx2.Client) -> None:
    status = client.get("/status").json()

    assert (status["engine"], status["model"], status["runtime"]) == ("kokoro", "small", "onnx")
    assert status["state"] == "ready"
    assert "espeak-ng" in status["languages"]["en-US"]


def test_voices_are_those_of_the_files(client: httpx2.Client) -> None:
    listed = client.get("/tts/v1/audio/voices?legacy=true").json()["voices"]

    assert set(VOICES.values()) <= set(listed)
    assert len(listed) == 11


@pytest.mark.parametrize("language", sorted(VOICES))
def test_every_voice_speaks_its_language_and_times_the_callers_words(
    client: httpx2.Client, language: str
) -> None:
    text = SENTENCES[language]
    fields = {"stream_format": "json", "word_timestamps": True}
    reply = speak(client, text, VOICES[language], **fields).json()

    assert reply["duration"] > 0.5
    spans = [tuple(word["span"]) for word in reply["words"]]
    assert [text[start:end] for start, end in spans] == [word["word"] for word in reply["words"]]
    assert spans == sorted(spans)
    times = [time for word in reply["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert times[-1] <= reply["duration"]
    assert any(char.isalnum() for char in reply["words"][0]["word"])


@pytest.mark.parametrize("voice", ["alloy", "af_sky", {"id": "am_echo"}, "af_sky(2)+am_echo"])
def test_a_voice_may_be_openais_kokoros_or_a_blend(client: httpx2.Client, voice: Any) -> None:
    assert seconds(speak(client, "Hello there.", voice)) > 0.3


def test_a_voice_that_is_not_there_is_refused(client: httpx2.Client) -> None:
    reply = speak(client, "Hello.", "af_nobody")

    assert reply.status_code == 400
    assert error_of(reply)["param"] == "voice"


def test_speed_divides_the_time(client: httpx2.Client) -> None:
    slow, fast = (seconds(speak(client, SENTENCES["en-US"], speed=s)) for s in (0.5, 1.0))

    assert fast / slow == pytest.approx(0.5, abs=0.06)


def test_another_language_may_be_asked_for(client: httpx2.Client) -> None:
    """By its tag or by Kokoro's letter."""
    for name in ("fr-FR", "f"):
        assert seconds(speak(client, SENTENCES["fr-FR"], "af_heart", lang_code=name)) > 0.5


def test_the_first_clause_is_heard_while_the_rest_is_still_to_be_made(url: str) -> None:
    text = "Thank you for your call, " + "and we will be with you in a very short time. " * 8
    body = {"model": "kokoro", "input": text, "voice": "alloy", "response_format": "pcm"}
    started = time.monotonic()
    sizes, times = [], []
    with (
        httpx2.Client(base_url=url, timeout=60) as client,
        client.stream("POST", "/tts/v1/audio/speech", json=body) as reply,
    ):
        for part in reply.iter_raw():
            sizes.append(len(part))
            times.append(time.monotonic() - started)

    assert times[0] < 0.5 * times[-1]
    assert sum(sizes) / 48_000 > 10


@contextmanager
def starting(folder: Path, **fields: object) -> Iterator[tuple[Any, httpx2.Client]]:
    app = create_app(settings(folder, **fields))
    with (
        serve(app, wait_for_ready=False) as url,
        httpx2.Client(base_url=url, timeout=30) as client,
    ):
        yield app, client


def test_it_is_ready_when_it_is_warm_and_says_what_it_does_until_then(
    folder: Path, tmp_path: Path
) -> None:
    from tests.tts_kokoro.test_loading import copy

    stages = set()
    with starting(copy(folder, tmp_path)) as (_, client):

        def is_ready() -> bool:
            status = client.get("/status").json()
            stages.add(status["stage"])
            if not client.get("/readyz").is_success:
                return False
            return bool(client.get("/status").json()["state"] == "ready")

        assert speak(client, "Hello.").status_code == 503
        wait_until(is_ready, 120, "it is ready")
        assert seconds(speak(client, "Hello.")) > 0.1
    assert {"loading the weights", "exporting to ONNX"} <= stages


def test_a_directory_without_a_model_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"vocab": {}}))
    with starting(tmp_path) as (app, client):
        wait_until(lambda: app.health.reason, 20, "it gives up")

        assert client.get("/status").json()["reason"] == (
            f"TTS_MODEL: {tmp_path} is no Kokoro model: it lacks *.pth, voices/*.pt."
        )


def test_words_are_in_order_over_the_seams_of_chunks(client: httpx2.Client) -> None:
    text = "Good morning, this is the clinic. " * 3 + "How can I help you today, my friend?"
    reply = speak(client, text, stream_format="json", word_timestamps=True).json()

    assert [word["word"].strip(",.?") for word in reply["words"]] == [
        word.strip(",.?") for word in text.split()
    ]
    assert all(a["end"] <= b["start"] + 1e-3 for a, b in pairwise(reply["words"]))
