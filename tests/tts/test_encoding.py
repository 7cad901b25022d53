"""Each format, decoded again by another library: nothing of the end is missing, at any rate.

Needs the ffmpeg program (Debian's package `ffmpeg`).
"""

import io
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from parley_tts.encoding import Encoder, filed, streamed
from parley_tts.formats import FORMATS, FormatName
from tests.tts.sounds import MEDIA_TYPES, RATE, Samples, decoded_at, samples_of_flac

MAKERS = (streamed, filed)
LOSSLESS = ("flac", "wav", "pcm")
EXACT = (*LOSSLESS, "opus")
ANY_RATES = (8_000, 11_025, 16_000, 24_000, 44_100, 48_000)
ALL_RATES = [(name, rate) for name in FORMATS for rate in FORMATS[name].rates or ANY_RATES]
FRAMES = {"mp3": 576, "opus": 480, "aac": 1_024, "flac": 2_304, "wav": 1, "pcm": 1}
TAIL_S = 0.05


def speech(samples: int, rate: int) -> Samples:
    """Something between a voice and noise that never repeats and is as loud at its end."""
    times = np.arange(samples) / rate
    pitch = 2 * np.pi * np.cumsum(150 + 60 * np.sin(5 * times)) / rate
    voice = np.sin(pitch) + 0.5 * np.sin(3 * pitch) + 0.2 * np.sin(7 * pitch)
    noise = np.random.default_rng(samples).normal(0, 200, samples)
    made: Samples = (6_000 * voice + noise).astype(np.int16)
    return made


def encoded(
    samples: Samples,
    name: FormatName,
    rate: int,
    made: Callable[..., Encoder] = streamed,
    chunk: int = 5_000,
) -> bytes:
    encoder = made(FORMATS[name], rate, rate)
    starts = range(0, len(samples), chunk)
    parts = [encoder.encode(samples[start : start + chunk]) for start in starts]
    return b"".join(parts) + encoder.finish()


def heard(
    samples: Samples, name: FormatName, rate: int, made: Callable[..., Encoder] = streamed
) -> Samples:
    """What is decoded, without what its codec puts before it."""
    codec = FORMATS[name].codec
    return decoded_at(encoded(samples, name, rate, made), name, rate)[codec.delay if codec else 0 :]


def likeness(one: Samples, other: Samples) -> float:
    """1 for the same sound, 0 for another one."""
    return float(np.corrcoef(one.astype(float), other.astype(float))[0, 1])


def assert_whole(decoded: Samples, original: Samples, name: FormatName, rate: int) -> None:
    padding = len(decoded) - len(original)
    assert padding == 0 if name in EXACT else 0 <= padding <= 2 * 1_152
    tail = slice(max(len(original) - round(TAIL_S * rate), 0), len(original))
    assert likeness(decoded[tail], original[tail]) > 0.95
    assert likeness(decoded[: len(original)], original) > 0.95


@pytest.mark.parametrize(("name", "rate"), ALL_RATES)
def test_a_speech_is_whole_to_its_last_sample_at_every_rate(name: FormatName, rate: int) -> None:
    for seconds in (0.33, 7.7):
        original = speech(round(seconds * rate), rate)

        assert_whole(heard(original, name, rate), original, name, rate)


@pytest.mark.parametrize("made", MAKERS)
@pytest.mark.parametrize("name", FORMATS)
def test_a_speech_is_whole_whatever_its_length_is_in_frames(
    name: FormatName, made: Callable[..., Encoder]
) -> None:
    frame = FRAMES[name]
    for samples in {1, frame - 1, frame, frame + 1, 2 * frame, 2 * frame + 1} - {0}:
        original = speech(samples, RATE)
        decoded = heard(original, name, RATE, made)

        assert len(decoded) == samples if name in EXACT else len(decoded) >= samples
        if name in LOSSLESS:
            assert decoded.tobytes() == original.tobytes()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("chunk", [160, 7_001, 1_000_000])
def test_the_sound_does_not_depend_on_how_the_speech_comes(name: FormatName, chunk: int) -> None:
    original = speech(2 * RATE, RATE)
    decoded = decoded_at(encoded(original, name, RATE, chunk=chunk), name, RATE)

    assert decoded.tobytes() == decoded_at(encoded(original, name, RATE), name, RATE).tobytes()


@pytest.mark.parametrize("name", FORMATS)
def test_two_that_are_encoded_at_once_do_not_disturb_each_other(name: FormatName) -> None:
    def sound(original: Samples) -> bytes:
        return decoded_at(encoded(original, name, RATE, chunk=500), name, RATE).tobytes()

    originals = [speech(3 * RATE, RATE), speech(3 * RATE + 1, RATE)]
    alone = [sound(original) for original in originals]
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(sound, originals)) == alone


@pytest.mark.parametrize(
    ("name", "held_back_s"),
    [("pcm", 0), ("wav", 0), ("opus", 0.03), ("mp3", 0.09), ("aac", 0.11), ("flac", 0.1)],
)
def test_a_stream_holds_back_little_of_what_was_said(name: FormatName, held_back_s: float) -> None:
    rate = FORMATS[name].rate
    encoder = streamed(FORMATS[name], rate, rate)
    given = b"".join(encoder.encode(part) for part in np.split(speech(rate, rate), 100))

    assert len(playable(given, name, rate)) / rate >= 1 - held_back_s


def playable(beginning: bytes, name: FormatName, rate: int) -> Samples:
    """What a player makes of a stream that has not ended."""
    codec = FORMATS[name].codec
    return decoded_at(beginning, name, rate)[codec.delay if codec else 0 :]


def test_a_streamed_wav_says_that_nobody_knows_its_length() -> None:
    original = speech(RATE, RATE)
    stream = encoded(original, "wav", RATE)

    assert stream[4:8] == stream[40:44] == b"\xff\xff\xff\xff"
    with wave.open(io.BytesIO(stream)) as reader:
        assert reader.readframes(reader.getnframes()) == original.tobytes()


def test_a_wav_file_has_true_sizes() -> None:
    original = speech(RATE + 1, 16_000)
    file = encoded(original, "wav", 16_000, filed)

    assert int.from_bytes(file[4:8], "little") == len(file) - 8
    with wave.open(io.BytesIO(file)) as reader:
        assert reader.getparams()[:4] == (1, 2, 16_000, len(original))
        assert reader.readframes(len(original)) == original.tobytes()


def test_a_flac_file_differs_from_a_stream_in_its_header_alone() -> None:
    original = speech(3 * RATE, RATE)
    file, stream = encoded(original, "flac", RATE, filed), encoded(original, "flac", RATE)

    assert (samples_of_flac(file), samples_of_flac(stream)) == (3 * RATE, 0)
    assert (file[:8], file[42:]) == (stream[:8], stream[42:])


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("engine_rate", [8_000, 16_000, 22_050, 24_000])
def test_a_tone_keeps_its_pitch_length_and_seams_at_every_pair_of_rates(
    engine_rate: int, rate: int
) -> None:
    tone = tone_of(440, engine_rate)
    encoder = streamed(FORMATS["pcm"], rate, engine_rate)
    parts = [encoder.encode(tone[start : start + 500]) for start in range(0, len(tone), 500)]
    decoded = decoded_at(b"".join(parts) + encoder.finish(), "pcm", rate)

    assert len(decoded) == pytest.approx(rate, abs=2)
    assert encoder.seconds == len(decoded) / rate
    middle = slice(rate // 20, rate - rate // 20)
    assert np.max(np.abs(decoded[middle].astype(int) - tone_of(440, rate)[middle])) < 100


def tone_of(hertz: int, rate: int) -> Samples:
    """A second of it."""
    tone: Samples = (np.sin(np.arange(rate) * 2 * np.pi * hertz / rate) * 10_000).astype(np.int16)
    return tone


def test_a_lower_rate_has_no_echo_of_what_it_cannot_hold() -> None:
    encoder = streamed(FORMATS["pcm"], 8_000, RATE)
    decoded = decoded_at(encoder.encode(tone_of(7_000, RATE)) + encoder.finish(), "pcm", 8_000)

    assert np.max(np.abs(decoded[400:-400])) < 10


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_has_its_media_type(name: FormatName) -> None:
    assert FORMATS[name].media_type == MEDIA_TYPES[name]
