"""One upload in on stdin, s16le mono 16 kHz out on stdout; a process of its own, once.

FFmpeg reads bytes that strangers wrote. So it runs here, where a crash, a hang or a bomb ends a
process that holds nothing, with the formats and decoders that are wanted and no others: without
the whitelist an upload of text can name files of the server (ffconcat) or open sockets (SDP).

    python -m parley_stt.audio.decoder_child <max seconds of audio> <max seconds of CPU>
"""

import io
import sys
from collections.abc import Iterator

import av
from av.audio.frame import AudioFrame
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Stream

from parley_stt.audio import SAMPLE_RATE
from parley_stt.audio.outcome import Outcome
from parley_stt.confinement import confine

MAX_RATE = 192_000
MAX_CHANNELS = 8
MAX_MEMORY_BYTES = 512 << 20

FORMATS = "wav,w64,aiff,caf,au,flac,ogg,mp3,mov,mp4,m4a,matroska,webm,aac,amr,mpeg"
DECODERS = (
    "aac,aac_latm,ac3,alac,amrnb,amrwb,flac,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,libopus,"
    "pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,"
    "pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,adpcm_ima_wav,adpcm_ms,gsm,gsm_ms,speex,vorbis"
)


class TooLong(Exception):
    """There is more audio than allowed."""


class OutOfRange(Exception):
    """The sample rate or the number of channels is beyond what speech needs."""


def decode(file: bytes, max_seconds: float) -> Iterator[bytes]:
    """Pieces of s16le mono 16 kHz.

    Raises:
        av.error.FFmpegError, ValueError: the bytes are not audio of a known format.
        TooLong, OutOfRange: see there.
    """
    budget = int(max_seconds * SAMPLE_RATE)
    for frame in _resampled(_frames(file)):
        budget -= frame.samples
        if budget < 0:
            raise TooLong
        yield bytes(frame.planes[0])[: frame.samples * 2]


def _frames(file: bytes) -> Iterator[AudioFrame]:
    """Decoded frames; a damaged packet is skipped while most packets are sound."""
    options = {"format_whitelist": FORMATS, "codec_whitelist": DECODERS}
    with av.open(io.BytesIO(file), mode="r", options=options) as container:
        stream = _audio_stream(container)
        stream.codec_context.thread_count = 1
        sound = damaged = 0
        for packet in container.demux(stream):
            try:
                for frame in packet.decode():
                    assert isinstance(frame, AudioFrame)
                    yield frame
                sound += 1
            except av.error.InvalidDataError:
                damaged += 1
        if damaged > sound:
            raise ValueError("more damaged than sound")


def _audio_stream(container: InputContainer) -> Stream:
    stream = container.streams.best("audio")
    # A stream whose codec FFmpeg does not know has no context, whatever its type says.
    context: CodecContext | None = stream.codec_context if stream else None
    if stream is None or context is None or context.name not in DECODERS.split(","):
        raise ValueError("no audio that can be decoded")
    return stream


def _resampled(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """Frames in one shape; a stream may change its own at any frame."""
    resampler, shape = None, None
    for frame in frames:
        if frame.sample_rate > MAX_RATE or frame.layout.nb_channels > MAX_CHANNELS:
            raise OutOfRange
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


def main() -> int:
    max_seconds, max_cpu_s = float(sys.argv[1]), int(sys.argv[2])
    confine(memory_bytes=MAX_MEMORY_BYTES, cpu_s=max_cpu_s)
    try:
        for pcm in decode(sys.stdin.buffer.read(), max_seconds):
            sys.stdout.buffer.write(pcm)
        sys.stdout.buffer.flush()
    except TooLong:
        return Outcome.TOO_LONG
    except OutOfRange:
        return Outcome.OUT_OF_RANGE
    except (av.error.FFmpegError, ValueError, MemoryError):
        return Outcome.UNDECODABLE
    return Outcome.DECODED


if __name__ == "__main__":
    sys.exit(main())
