"""Every container that callers send is heard right; what is damaged is heard or refused."""

import time

import httpx2
import pytest

from tests.serving import error_of
from tests.stt.conftest import MAX_AUDIO_S
from tests.stt.recordings import CONTAINERS, WEATHER, WEATHER_TEXT, flac_of_silence, wav, weather_in


def upload(client: httpx2.Client, file: bytes, name: str = "upload") -> httpx2.Response:
    return client.post(
        "/audio/transcriptions", data={"model": "whisper-1"}, files={"file": (name, file)}
    )


@pytest.mark.parametrize("container", CONTAINERS)
def test_speech_in_each_container_is_heard(client: httpx2.Client, container: str) -> None:
    answer = upload(client, weather_in(container)).json()

    if CONTAINERS[container].rate == 8_000:
        # The acoustic model hears up to 6.8 kHz; a telephone carries half of that.
        assert answer["text"].endswith("in paris")
    else:
        assert answer["text"] == WEATHER_TEXT
    assert answer["usage"]["seconds"] == 2


@pytest.mark.parametrize(
    "file",
    [
        b"this is not audio",
        bytes(range(256)) * 400,
        wav(b"")[:20],
        weather_in("mp4")[:5_000],
        weather_in("ogg")[:60],
        weather_in("flac")[:42],
        b"\x89PNG\r\n\x1a\n" + bytes(1_000),
    ],
    ids=[
        "text",
        "noise",
        "cut wav header",
        "cut mp4",
        "cut ogg",
        "flac without frames",
        "an image",
    ],
)
def test_what_is_no_audio_is_refused_alike(client: httpx2.Client, file: bytes) -> None:
    response = upload(client, file)

    assert response.status_code == 400
    error = error_of(response)
    assert error["param"] == "file"
    assert "Supported formats" in str(error["message"])


@pytest.mark.parametrize("name", ["list.m3u8", "../../etc/passwd", "http://127.0.0.1:9/a.wav"])
def test_the_name_of_a_file_does_not_matter(client: httpx2.Client, name: str) -> None:
    assert upload(client, WEATHER.read_bytes(), name).json()["text"] == WEATHER_TEXT


def test_an_empty_file_is_refused(client: httpx2.Client) -> None:
    assert error_of(upload(client, b""))["param"] == "file"


@pytest.mark.parametrize("container", ["flac", "mp3", "ogg", "webm"])
def test_of_a_truncated_file_what_is_there_is_heard(client: httpx2.Client, container: str) -> None:
    file = weather_in(container)
    answer = upload(client, file[: len(file) * 3 // 4]).json()

    assert answer["text"].startswith("what is")


def test_damaged_packets_are_skipped(client: httpx2.Client) -> None:
    file = bytearray(weather_in("mp3"))
    file[600:700] = bytes(100)

    assert "weather" in upload(client, bytes(file)).json()["text"]


def test_a_bomb_of_silence_is_cut_at_the_limit(client: httpx2.Client) -> None:
    bomb = flac_of_silence(3_600)
    started = time.monotonic()
    response = upload(client, bomb)

    assert len(bomb) < 1 << 20
    assert response.status_code == 400
    assert error_of(response)["code"] == "audio_too_long"
    assert str(MAX_AUDIO_S) in str(error_of(response)["message"])
    assert time.monotonic() - started < 5


def test_a_long_wav_is_refused_by_its_header(client: httpx2.Client) -> None:
    response = upload(client, wav(bytes(2 * 8_000 * (MAX_AUDIO_S + 1)), rate=8_000))

    assert error_of(response)["code"] == "audio_too_long"


@pytest.mark.parametrize(("rate", "channels"), [(384_000, 1), (48_000, 16)])
def test_rates_and_channels_beyond_speech_are_refused(
    client: httpx2.Client, rate: int, channels: int
) -> None:
    response = upload(client, wav(bytes(64_000), rate=rate, channels=channels))

    assert response.status_code == 400
    assert error_of(response)["param"] == "file"
