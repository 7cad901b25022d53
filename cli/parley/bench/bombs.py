"""Small files that hold days of silence: what a server must refuse without decoding it all."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

_PRIMING_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Bomb:
    """A way to pack much silence: FFmpeg's muxer and encoder."""

    muxer: str
    encoder: str
    rate: int


BOMBS: Mapping[str, Bomb] = {
    "AAC": Bomb("adts", "aac", 16_000),
    "M4A": Bomb("ipod", "aac", 16_000),
    "FLAC": Bomb("flac", "flac", 16_000),
    "Opus": Bomb("ogg", "libopus", 48_000),
    "Matroska": Bomb("matroska", "flac", 16_000),
    "WebM": Bomb("webm", "libopus", 48_000),
}


def silence(bomb: Bomb, max_bytes: int) -> bytes:
    """As much of it as fits into nine tenths of `max_bytes`; the rest is for the file's index."""
    out = io.BytesIO()
    with av.open(out, "w", format=bomb.muxer) as container:
        stream = container.add_stream(bomb.encoder, rate=bomb.rate, layout="mono")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 6_000
        packet = _silent_packet(stream)
        packet.pts = packet.dts = 0
        number = 1
        while out.tell() < max_bytes * 0.9:
            container.mux_one(packet)
            # The muxer has put the packet into its own time base.
            assert packet.duration
            packet.pts = packet.dts = number * packet.duration
            number += 1
    return out.getvalue()


def _silent_packet(stream: AudioStream) -> "Packet[AudioStream]":
    """One of the middle of a stream, which a decoder takes again and again."""
    encoder = stream.codec_context
    encoder.open()
    packets = []
    for number in range(_PRIMING_FRAMES):
        frame = AudioFrame(encoder.format, encoder.layout, encoder.frame_size)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = encoder.rate, number * encoder.frame_size
        packets += stream.encode(frame)
    packets[-1].time_base = Fraction(1, encoder.rate)
    return packets[-1]
