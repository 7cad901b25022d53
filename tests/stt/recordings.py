"""Real speech in every container that callers send, and some that attackers do."""

import io
import struct
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import av

DATA = Path(__file__).parent / "data"
WEATHER = DATA / "weather_question.wav"
WEATHER_TEXT = "what is the weather in paris"
JFK = DATA / "jfk.flac"


class Container(NamedTuple):
    """A way to write audio."""

    muxer: str
    encoder: str
    rate: int


CONTAINERS = {
    "flac": Container("flac", "flac", 24_000),
    "mp3": Container("mp3", "libmp3lame", 24_000),
    "mpga": Container("mp2", "mp2", 24_000),
    "mpeg": Container("mpeg", "mp2", 48_000),
    "mp4": Container("mp4", "aac", 24_000),
    "m4a": Container("ipod", "aac", 24_000),
    "3gp": Container("3gp", "libopencore_amrnb", 8_000),
    "alac": Container("ipod", "alac", 24_000),
    "aac": Container("adts", "aac", 24_000),
    "ogg": Container("ogg", "libopus", 48_000),
    "oga": Container("ogg", "flac", 24_000),
    "webm": Container("webm", "libopus", 48_000),
    "mkv": Container("matroska", "flac", 44_100),
    "amr": Container("amr", "libopencore_amrnb", 8_000),
    "aiff": Container("aiff", "pcm_s16be", 44_100),
    "caf": Container("caf", "pcm_s16le", 24_000),
    "au": Container("au", "pcm_s16be", 24_000),
    "w64": Container("w64", "pcm_s16le", 24_000),
    "mu-law wav": Container("wav", "pcm_mulaw", 16_000),
    "a-law wav": Container("wav", "pcm_alaw", 16_000),
    "adpcm wav": Container("wav", "adpcm_ima_wav", 16_000),
}
"""By the name that callers know them by."""


@cache
def weather_in(container: str) -> bytes:
    """The question about the weather in one of `CONTAINERS`."""
    muxer, encoder, rate = CONTAINERS[container]
    out = io.BytesIO()
    with av.open(str(WEATHER)) as source, av.open(out, "w", format=muxer) as target:
        stream = target.add_stream(encoder, rate=rate, layout="mono")
        if encoder == "libopencore_amrnb":
            stream.bit_rate = 12_200  # its best
        resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size or None)
        for frame in source.decode(audio=0):
            for resampled in resampler.resample(frame):
                target.mux(stream.encode(resampled))
        for resampled in resampler.resample(None):
            target.mux(stream.encode(resampled))
        target.mux(stream.encode(None))
    return out.getvalue()


@cache
def flac_of_silence(seconds: int) -> bytes:
    """Much audio in few bytes; made by Debian's `ffmpeg`."""
    silence = ["-f", "s16le", "-ar", "16000", "-ac", "1", "-t", str(seconds), "-i", "/dev/zero"]
    command = ["ffmpeg", "-v", "error", *silence, "-f", "flac", "-"]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def wav(pcm: bytes, rate: int = 16_000, channels: int = 1, bits: int = 16, tag: int = 1) -> bytes:
    """A WAV file with the header that these arguments describe."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(pcm)) + pcm
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def patched(file: bytes, at: int, value: bytes) -> bytes:
    """The file with other bytes at one place."""
    return file[:at] + value + file[at + len(value) :]


@cache
def long_speech() -> bytes:
    """A short sentence, a pause, and seconds of work for a worker; a WAV file."""
    return wav(_pcm(WEATHER) + bytes(32_000) + _pcm(JFK))


def _pcm(file: Path) -> bytes:
    pcm = bytearray()
    resampler = av.AudioResampler("s16", "mono", 16_000)
    with av.open(str(file)) as source:
        for frame in source.decode(audio=0):
            for resampled in resampler.resample(frame):
                pcm += bytes(resampled.planes[0])[: resampled.samples * 2]
    return bytes(pcm)
