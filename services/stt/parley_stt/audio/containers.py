"""The audio in a file of any known format, by FFmpeg, under limits that are counted on the way.

What a header says of a file is a claim. What counts is what comes out: its duration, its bytes,
the rate and the channels of each frame.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer

from parley_stt.audio import SAMPLE_RATE
from parley_stt.audio.outcome import Outcome

MIN_RATE = 1_000
MAX_RATE = 192_000
MAX_CHANNELS = 8

FORMATS = "wav,w64,aiff,caf,au,flac,ogg,mp3,mov,mp4,m4a,matroska,webm,aac,amr,mpeg"
DECODERS = (
    "aac,aac_latm,ac3,alac,amrnb,amrwb,flac,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,libopus,"
    "pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,"
    "pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,adpcm_ima_wav,adpcm_ms,gsm,gsm_ms,speex,vorbis"
)
# FFmpeg opens nothing else while it reads a file, and should it want to, no protocol is allowed.
_OPTIONS = {
    "format_whitelist": FORMATS,
    "codec_whitelist": DECODERS,
    "protocol_whitelist": "none",
    "max_streams": "64",
}
# Decoded audio may have as many bytes as 5.1 channels of 32 bits at 48 kHz for the time allowed.
_MAX_BYTES_PER_S = 48_000 * 6 * 4
# Claims are believed when they are clearly beyond what is allowed, and none for more than a packet
# can hold: after a pause in a recording one may span that.
_BELIEVED = 1.05
_MOST_PACKET_S = 10
# So many damaged packets more than sound ones, and the rest is not tried.
_PATIENCE = 256


class TooLong(Exception):
    """There is more audio than allowed."""


class TooLarge(Exception):
    """There are more bytes in the audio than its duration explains."""


class OutOfRange(Exception):
    """The sample rate or the number of channels is beyond what speech needs."""


def transcode(file: BytesIO, sink: BinaryIO, max_seconds: float) -> Outcome:
    """Write what `decode` yields, and say what became of the file."""
    try:
        for pcm in decode(file, max_seconds):
            sink.write(pcm)
        sink.flush()
    except TooLong:
        return Outcome.TOO_LONG
    except (TooLarge, MemoryError):
        return Outcome.TOO_LARGE
    except OutOfRange:
        return Outcome.OUT_OF_RANGE
    except (av.error.FFmpegError, ValueError):
        return Outcome.UNDECODABLE
    return Outcome.DECODED


def decode(file: BytesIO, max_seconds: float) -> Iterator[bytes]:
    """Pieces of s16le mono 16 kHz.

    Raises:
        av.error.FFmpegError, ValueError, MemoryError: the bytes are not audio of a known format.
        TooLong, TooLarge, OutOfRange: see there.
    """
    packets = _look_ahead(file, max_seconds)
    budget = int(max_seconds * SAMPLE_RATE)
    with _opened(file) as (container, stream):
        for frame in _resampled(_within_limits(_frames(container, stream, packets), max_seconds)):
            budget -= frame.samples
            if budget < 0:
                raise TooLong
            yield bytes(frame.planes[0])[: frame.samples * 2]


def _look_ahead(file: BytesIO, max_seconds: float) -> int:
    """The number of packets, which are a tenth of the work to read of what they are to decode.

    Raises:
        TooLong: they say so themselves.
    """
    with _opened(file) as (container, stream):
        ticks_per_s = 1 / (stream.time_base or 1)
        left, longest = _BELIEVED * max_seconds * ticks_per_s, _MOST_PACKET_S * ticks_per_s
        packets = 0
        for packet in container.demux(stream):
            packets += 1
            left -= min(packet.duration or 0, longest)
            if left < 0:
                raise TooLong
    return packets


@contextmanager
def _opened(file: BytesIO) -> Iterator[tuple[InputContainer, AudioStream]]:
    file.seek(0)
    with av.open(file, mode="r", options=_OPTIONS) as container:
        stream = container.streams.best("audio")
        # A stream whose codec FFmpeg does not know has no context, whatever its type says.
        context: CodecContext | None = stream.codec_context if stream else None
        if context is None or context.name not in DECODERS.split(","):
            raise ValueError("no audio that can be decoded")
        assert isinstance(stream, AudioStream)
        context.thread_count = 1
        yield container, stream


def _frames(container: InputContainer, stream: AudioStream, packets: int) -> Iterator[AudioFrame]:
    """Decoded frames; a damaged packet is skipped while most packets are sound."""
    sound = damaged = 0
    for packet in container.demux(stream):
        try:
            for frame in packet.decode():
                assert isinstance(frame, AudioFrame)
                yield frame
            sound += 1
        except (av.error.InvalidDataError, av.error.PatchWelcomeError):
            damaged += 1
        if damaged > sound + _PATIENCE:
            break
    if damaged > sound:
        raise ValueError("more damaged than sound")
    # FFmpeg takes a packet for which there is no memory for the end of the file.
    if sound + damaged < packets:
        raise MemoryError


def _within_limits(frames: Iterator[AudioFrame], max_seconds: float) -> Iterator[AudioFrame]:
    budget = int(max_seconds * _MAX_BYTES_PER_S)
    for frame in frames:
        channels = frame.layout.nb_channels
        if not (MIN_RATE <= frame.sample_rate <= MAX_RATE and channels <= MAX_CHANNELS):
            raise OutOfRange
        # Before it is resampled: one frame of a low rate may become hours of a high one.
        if frame.samples > max_seconds * frame.sample_rate:
            raise TooLong
        budget -= frame.samples * channels * frame.format.bytes
        if budget < 0:
            raise TooLarge
        yield frame


def _resampled(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """Frames in one shape; a stream may change its own at any frame."""
    resampler, shape = None, None
    for frame in frames:
        if shape != (frame.format.name, frame.layout.name, frame.sample_rate):
            if resampler:
                yield from resampler.resample(None)
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        frame.pts = None
        assert resampler is not None
        yield from resampler.resample(frame)
    if resampler is None:
        raise ValueError("no audio")
    yield from resampler.resample(None)
