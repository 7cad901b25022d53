"""Decodes what the service encoded, with software that did not encode it.

MP3, FLAC and WAV are read by libsndfile with mpg123 and libFLAC; so is Opus, whose codec alone is
the one that encoded it. AAC, which nothing else reads here, is left to the ffmpeg program
(Debian's package `ffmpeg`), and so is FLAC without its length, which libsndfile refuses.
"""

import io
import shutil
import subprocess

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]  # it ships no types
import soxr
from numpy.typing import NDArray

RATE = 24_000
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_KINDS = {"mp3": "MP3", "opus": "OGG", "flac": "FLAC", "wav": "WAV"}

Samples = NDArray[np.int16]


def decoded(data: bytes, form: str) -> Samples:
    """The samples in `data`, mono, at 24 kHz."""
    if form == "opus":
        return _at_24_khz(decoded_at(data, form, 48_000))
    return decoded_at(data, form, RATE)


def decoded_at(data: bytes, form: str, rate: int) -> Samples:
    """The samples in `data`, mono, which have to be at `rate`."""
    if form == "pcm":
        return np.frombuffer(data, "<i2")
    if form == "aac" or (form == "flac" and not samples_of_flac(data)):
        return _decoded_by_ffmpeg(data, form, rate)
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert (file.format, file.channels, file.samplerate) == (_KINDS[form], 1, rate)
        samples: Samples = file.read(dtype="int16")
    return samples


def samples_of_flac(data: bytes) -> int:
    """How many there are, by STREAMINFO: the 36 bits before the checksum. None in a stream."""
    assert data.startswith(b"fLaC")
    return int.from_bytes(data[21:26]) & (1 << 36) - 1


def _at_24_khz(samples: Samples) -> Samples:
    floats = soxr.resample(samples.astype(np.float32), 48_000, RATE)
    resampled: Samples = np.rint(floats).clip(-32_768, 32_767).astype(np.int16)
    return resampled


def _decoded_by_ffmpeg(data: bytes, demuxer: str, rate: int) -> Samples:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.fail("this test decodes with the ffmpeg program: install Debian's package ffmpeg")
    command = [ffmpeg, "-v", "error", "-xerror", "-f", demuxer, "-i", "pipe:0"]
    to_pcm = ["-f", "s16le", "-ar", str(rate), "-ac", "1", "pipe:1"]
    result = subprocess.run(
        [*command, *to_pcm], input=data, capture_output=True, timeout=20, check=False
    )
    assert result.returncode == 0, result.stderr.decode()
    assert not result.stderr, result.stderr.decode()
    return np.frombuffer(result.stdout, "<i2")


def seconds(samples: Samples) -> float:
    return len(samples) / RATE


def loudness(samples: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


def aligned(heard: Samples, original: Samples) -> Samples:
    """`heard` without the samples that its codec put before `original`."""
    limit = len(heard) - len(original) + 1
    assert limit > 0, "nothing of the original is missing"
    probe = original[: RATE // 2].astype(float)
    searched = heard[: len(probe) + limit - 1].astype(float)
    best = int(np.argmax(np.correlate(searched, probe)))
    return heard[best : best + len(original)]


def timbre_distance(one: Samples, other: Samples) -> float:
    """How different two voices sound that say the same; about 0.1 for flite's with itself."""
    return float(np.sqrt(np.mean((_timbre(one) - _timbre(other)) ** 2)))


def _timbre(samples: Samples) -> NDArray[np.float64]:
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(float), 1024)[::256]
    power = np.mean(np.abs(np.fft.rfft(frames * np.hanning(1024))) ** 2, axis=0)
    return np.asarray(np.log10(power[:512].reshape(64, 8).mean(axis=1) + 1))


def sound_alike(one: Samples, other: Samples) -> bool:
    """Whether it is the same text in the same voice; engines never say it twice exactly alike."""
    return (
        abs(seconds(one) - seconds(other)) < 0.02
        and abs(loudness(one) / loudness(other) - 1) < 0.05
        and timbre_distance(one, other) < 0.3
    )
