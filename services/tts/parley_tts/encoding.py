"""From samples at an engine's rate to the bytes of a response format, a little at a time.

The bytes of all `encode` calls and of `finish` are one complete stream: nothing of the end is
lost, whatever the codec holds back. WAV and FLAC say their length in their header: in a stream it
says that nobody knows, in a file, all of which `finish` gives, it is true.
"""

import io
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
import soxr

from parley_tts.engine import Samples
from parley_tts.formats import Codec, Format

_BYTES_PER_SAMPLE = 2
# What OpenAI sends, and what readers take for "up to the end".
_UNKNOWN = 0xFFFF_FFFF


class Encoder:
    """Encodes one speech, in one thread at a time. See `streamed` and `filed`.

    Whoever stops before `finish` calls `close`: PyAV's objects refer to each other, and the garbage
    collector does not see how large they are.
    """

    def __init__(
        self, form: Format, rate: int, engine_rate: int, opened: Callable[[], "_Writer"]
    ) -> None:
        self.form = form
        self.rate = rate
        self.engine_rate = engine_rate
        self._opened = opened
        self._written = 0
        self._started: tuple[_Resampler, _Writer] | None = None
        self._busy = threading.Lock()
        self._is_closed = False

    @property
    def seconds(self) -> float:
        """How long the speech is so far."""
        return self._written / self.rate

    @property
    def delay_s(self) -> float:
        """What a decoder plays before the first sample."""
        return self.form.codec.delay / self.rate if self.form.codec else 0.0

    def encode(self, samples: Samples) -> bytes:
        """The next bytes; may be none."""
        return self._alone(lambda: self._write(samples, last=False))

    def finish(self) -> bytes:
        """The last bytes."""
        return self._alone(
            lambda: self._write(np.zeros(0, np.int16), last=True) + self._parts[1].finish()
        )

    def close(self) -> None:
        """Let go of the codec, at once or when the call that is under way in a thread is over."""
        self._is_closed = True
        if self._busy.acquire(blocking=False):
            try:
                if self._started is not None:
                    self._started[1].close()
            finally:
                self._busy.release()

    def _alone(self, work: Callable[[], bytes]) -> bytes:
        with self._busy:
            data = work()
        if self._is_closed:
            self.close()
        return data

    @property
    def _parts(self) -> tuple["_Resampler", "_Writer"]:
        # Opened when first used, which is in a thread: opening a codec takes milliseconds.
        if self._started is None:
            self._started = _resampler(self.engine_rate, self.rate), self._opened()
        return self._started

    def _write(self, samples: Samples, *, last: bool) -> bytes:
        resample, writer = self._parts
        resampled = resample(samples, last)
        self._written += len(resampled)
        return writer.write(resampled) if len(resampled) else b""


def streamed(form: Format, rate: int, engine_rate: int) -> Encoder:
    """An encoder that gives out what it can as soon as it can.

    Args:
        rate: that the format is to have, in Hz.
        engine_rate: of the samples to come, in Hz.
    """

    def opened() -> _Writer:
        if form.codec is not None:
            return _AvWriter(form.codec, rate, _Pipe())
        return _WavStream(rate) if form.name == "wav" else _Pcm()

    return Encoder(form, rate, engine_rate, opened)


def filed(form: Format, rate: int, engine_rate: int) -> Encoder:
    """An encoder that gives out WAV and FLAC at the end, with their length in their header.

    Args: see `streamed`.
    """

    def opened() -> _Writer:
        if form.codec is not None:
            return _AvWriter(form.codec, rate, _File() if form.name == "flac" else _Pipe())
        return _WavFile(rate) if form.name == "wav" else _Pcm()

    return Encoder(form, rate, engine_rate, opened)


_Resampler = Callable[[Samples, bool], Samples]


def _resampler(engine_rate: int, rate: int) -> _Resampler:
    if engine_rate == rate:
        return lambda samples, _last: samples
    # In floats, because the library adds random dither to integers.
    stream = soxr.ResampleStream(engine_rate, rate, 1, dtype="float32")

    def resample(samples: Samples, last: bool) -> Samples:
        floats = stream.resample_chunk(samples.astype(np.float32), last=last)
        resampled: Samples = np.clip(np.rint(floats), -32_768, 32_767).astype(np.int16)
        return resampled

    return resample


class _Writer(Protocol):
    def write(self, samples: Samples) -> bytes: ...

    def finish(self) -> bytes: ...

    def close(self) -> None:
        """Give memory back; called any number of times, also after `finish`."""


class _Pcm:
    def write(self, samples: Samples) -> bytes:
        return samples.astype("<i2", copy=False).tobytes()

    def finish(self) -> bytes:
        return b""

    def close(self) -> None:
        pass


class _WavStream(_Pcm):
    def __init__(self, rate: int) -> None:
        self._header = _riff_header(rate, _UNKNOWN, _UNKNOWN)

    def write(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + super().write(samples)

    def finish(self) -> bytes:
        return self._header


class _WavFile(_Pcm):
    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._data: list[bytes] = []

    def write(self, samples: Samples) -> bytes:
        self._data.append(super().write(samples))
        return b""

    def finish(self) -> bytes:
        size = sum(map(len, self._data))
        return b"".join([_riff_header(self._rate, 36 + size, size), *self._data])


def _riff_header(rate: int, riff_size: int, data_size: int) -> bytes:
    """The 44 bytes before the samples of a mono file with 16 bits."""

    def number(value: int, size: int) -> bytes:
        return min(value, _UNKNOWN).to_bytes(size, "little")

    pcm, mono = number(1, 2), number(1, 2)
    byte_rate, block = number(rate * _BYTES_PER_SAMPLE, 4), number(_BYTES_PER_SAMPLE, 2)
    form = pcm + mono + number(rate, 4) + byte_rate + block + number(8 * _BYTES_PER_SAMPLE, 2)
    riff = b"RIFF" + number(riff_size, 4) + b"WAVEfmt " + number(len(form), 4)
    return riff + form + b"data" + number(data_size, 4)


class _Sink(Protocol):
    """What PyAV writes into."""

    def take(self) -> bytes: ...

    def take_rest(self) -> bytes: ...


class _Pipe:
    """PyAV cannot go back in it; gives out all that is there."""

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
    """PyAV completes the header in it; gives out everything at the end."""

    def take(self) -> bytes:
        return b""

    def take_rest(self) -> bytes:
        return self.getvalue()


class _AvWriter:
    def __init__(self, codec: Codec, rate: int, sink: _Sink) -> None:
        self._sink = sink
        self._rate = rate
        self._output = av.open(
            self._sink,
            "w",
            format=codec.container,
            container_options={**codec.muxing, "flush_packets": "1"},
        )
        stream = self._output.add_stream(
            codec.name, rate=rate, layout="mono", options=dict(codec.coding)
        )
        assert isinstance(stream, av.AudioStream), "an audio codec was named"
        if codec.bit_rate is not None:
            stream.bit_rate = codec.bit_rate
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

    def close(self) -> None:
        self._output.close()
