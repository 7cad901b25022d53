"""From samples at an engine's rate to the bytes of a response format, a little at a time.

The bytes of all `encode` calls and of `finish` are one complete stream: nothing of the end is
lost, whatever the codec holds back. WAV and FLAC say their length in their header, and much
software refuses a file whose header does not (Safari and Python's `wave` for WAV, libsndfile for
FLAC): they are given out when they are complete. All others are given out as they come.
"""

import io
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Protocol

import av
import numpy as np
import soxr

from parley_tts.engine import Samples
from parley_tts.wire import Format


@dataclass(frozen=True, slots=True)
class Container:
    """A format that PyAV writes."""

    name: str
    codec: str
    bit_rate: int | None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a response format is sent."""

    media_type: str
    rate: int
    is_file: bool
    """Its header says its length: it is sent when it is complete."""
    container: Container | None = None


_RATE = 24_000
# Opus knows 48 kHz only; pages are short so that the first leaves early.
_OGG = Container("ogg", "libopus", 48_000, {"page_duration": "100000"})
# A Xing header would have to be completed at the end, an ID3 tag confuses joined streams.
_MP3 = Container("mp3", "libmp3lame", 64_000, {"write_xing": "0", "id3v2_version": "0"})

ENCODINGS: Mapping[Format, Encoding] = MappingProxyType(
    {
        "mp3": Encoding("audio/mpeg", _RATE, False, _MP3),
        "opus": Encoding("audio/opus", 48_000, False, _OGG),
        "aac": Encoding("audio/aac", _RATE, False, Container("adts", "aac", 64_000)),
        "flac": Encoding("audio/flac", _RATE, True, Container("flac", "flac", None)),
        "wav": Encoding("audio/wav", _RATE, True),
        "pcm": Encoding("audio/pcm", _RATE, False),
    }
)


class Encoder:
    """Encodes one speech; not for use by two threads at once."""

    def __init__(self, encoding: Encoding, sample_rate: int) -> None:
        """
        Args:
            sample_rate: of the samples to come, in Hz.
        """
        self.encoding = encoding
        # In floats, because the library adds random dither to integers.
        self._resampler = soxr.ResampleStream(sample_rate, encoding.rate, 1, dtype="float32")
        self._writer = _writer(encoding)
        self._written = 0

    @property
    def seconds(self) -> float:
        """How long the speech is so far."""
        return self._written / self.encoding.rate

    def encode(self, samples: Samples) -> bytes:
        """The next bytes; may be none."""
        return self._write(samples, last=False)

    def finish(self) -> bytes:
        """The last bytes."""
        return self._write(np.zeros(0, np.int16), last=True) + self._writer.finish()

    def _write(self, samples: Samples, *, last: bool) -> bytes:
        floats = self._resampler.resample_chunk(samples.astype(np.float32), last=last)
        resampled = np.clip(np.rint(floats), -32_768, 32_767).astype(np.int16)
        self._written += len(resampled)
        return self._writer.write(resampled) if len(resampled) else b""


class _Writer(Protocol):
    def write(self, samples: Samples) -> bytes: ...

    def finish(self) -> bytes: ...


def _writer(encoding: Encoding) -> _Writer:
    if encoding.container is not None:
        return _AvWriter(encoding.container, encoding.rate, is_file=encoding.is_file)
    return _WavWriter(encoding.rate) if encoding.is_file else _PcmWriter()


class _PcmWriter:
    def write(self, samples: Samples) -> bytes:
        return samples.astype("<i2", copy=False).tobytes()

    def finish(self) -> bytes:
        return b""


class _WavWriter:
    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._pcm = _PcmWriter()
        self._data: list[bytes] = []

    def write(self, samples: Samples) -> bytes:
        self._data.append(self._pcm.write(samples))
        return b""

    def finish(self) -> bytes:
        file = io.BytesIO()
        with wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(self._rate)
            wav.writeframes(b"".join(self._data))
        return file.getvalue()


class _Pipe:
    """What PyAV writes into when it cannot go back; gives out all that is there."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        return taken

    def take_rest(self) -> bytes:
        return self.take()


class _File(io.BytesIO):
    """What PyAV writes into when it completes the header; gives out everything at the end."""

    def take(self) -> bytes:
        return b""

    def take_rest(self) -> bytes:
        return self.getvalue()


class _AvWriter:
    def __init__(self, container: Container, rate: int, *, is_file: bool) -> None:
        self._sink = _File() if is_file else _Pipe()
        self._rate = rate
        self._output = av.open(
            self._sink,
            "w",
            format=container.name,
            container_options={**container.options, "flush_packets": "1"},
        )
        stream = self._output.add_stream(container.codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream), "an audio codec was named"
        if container.bit_rate is not None:
            stream.bit_rate = container.bit_rate
        self._stream = stream
        self._time_base = Fraction(1, rate)
        self._next_pts = 0

    def write(self, samples: Samples) -> bytes:
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
        frame.sample_rate = self._rate
        frame.time_base = self._time_base
        frame.pts = self._next_pts
        self._next_pts += len(samples)
        self._output.mux(self._stream.encode(frame))
        return self._sink.take()

    def finish(self) -> bytes:
        self._output.mux(self._stream.encode(None))
        # Muxers write their last page and their header's length only now.
        self._output.close()
        return self._sink.take_rest()
