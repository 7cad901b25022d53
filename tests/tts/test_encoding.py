"""Each format, decoded again by another library: nothing of the end is missing.

Needs the ffmpeg program (Debian's package `ffmpeg`).
"""

from typing import cast

import numpy as np
import pytest

from parley_tts.encoding import ENCODINGS, Encoder
from parley_tts.engines.flite import FliteSynthesiser
from parley_tts.wire import Format
from tests.tts.sounds import FORMATS, MEDIA_TYPES, RATE, Samples, aligned, decoded, loudness

_LAST = RATE // 20
_PRIMING_S = 0.1


@pytest.fixture(scope="module")
def speech() -> Samples:
    """Speech at 24 kHz that ends where it is loudest."""
    flite = FliteSynthesiser()
    flite.load()
    samples = flite.synthesise("Nothing of the end of this is ever missing.", "slt", 1.0)
    loudest = int(np.argmax(np.abs(samples[len(samples) // 2 :]))) + len(samples) // 2
    samples = samples[:loudest]
    # Interpolated to 24 kHz, so that what the encoder is given is what is expected to come out.
    at = np.arange(0, len(samples) - 1, 16_000 / RATE)
    interpolated: Samples = np.interp(at, np.arange(len(samples)), samples).astype(np.int16)
    return interpolated


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("chunk_length", [160, 7_001, 1_000_000])
def test_a_stream_is_as_long_as_the_speech_and_ends_like_it(
    speech: Samples, form: str, chunk_length: int
) -> None:
    encoder = Encoder(ENCODINGS[cast(Format, form)], RATE)
    starts = range(0, len(speech), chunk_length)
    parts = [encoder.encode(speech[start : start + chunk_length]) for start in starts]
    heard = decoded(b"".join(parts) + encoder.finish(), form)

    assert 0 <= (len(heard) - len(speech)) / RATE <= _PRIMING_S
    tail = aligned(heard, speech)[-_LAST:]
    assert loudness(tail) == pytest.approx(loudness(speech[-_LAST:]), rel=0.1)
    assert encoder.seconds == pytest.approx(len(speech) / RATE, abs=0.001)


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "pcm"])
def test_a_stream_begins_before_it_ends(speech: Samples, form: str) -> None:
    encoder = Encoder(ENCODINGS[cast(Format, form)], RATE)

    assert len(encoder.encode(speech[: RATE // 2])) > 500


@pytest.mark.parametrize("form", ["flac", "wav"])
def test_a_file_is_given_out_when_its_header_is_true(speech: Samples, form: str) -> None:
    encoder = Encoder(ENCODINGS[cast(Format, form)], RATE)

    assert encoder.encode(speech) == b""
    file = encoder.finish()
    if form == "flac":
        # The 36 bits before the checksum of STREAMINFO: the number of samples.
        assert int.from_bytes(file[21:26]) & (1 << 36) - 1 == len(speech)
    else:
        assert int.from_bytes(file[4:8], "little") == len(file) - 8
        assert int.from_bytes(file[40:44], "little") == 2 * len(speech)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 48_000])
def test_every_rate_becomes_24_khz_without_a_seam(rate: int) -> None:
    tone = (np.sin(np.arange(rate) * 2 * np.pi * 440 / rate) * 10_000).astype(np.int16)
    encoder = Encoder(ENCODINGS["pcm"], rate)
    parts = [encoder.encode(tone[start : start + 500]) for start in range(0, rate, 500)]
    heard = decoded(b"".join(parts) + encoder.finish(), "pcm")

    expected = np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE) * 10_000
    assert len(heard) == pytest.approx(RATE, abs=2)
    middle = slice(1_000, RATE - 1_000)
    assert np.max(np.abs(heard[middle] - expected[middle])) < 100


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_has_its_media_type(form: str) -> None:
    assert ENCODINGS[cast(Format, form)].media_type == MEDIA_TYPES[form]
