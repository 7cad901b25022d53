"""Files that are odd and honest: they are heard."""

import io
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition

from parley_stt.audio import wav as wav_parser
from parley_stt.audio.containers import MAX_CHANNELS, transcode
from parley_stt.audio.outcome import Outcome
from parley_stt.audio.samples import Audio, Conversion
from tests.stt.recordings import WEATHER, wav, weather_in

SECONDS = 1.868


def heard(file: bytes, max_seconds: float = 60) -> Audio:
    sink = io.BytesIO()
    assert transcode(io.BytesIO(file), sink, max_seconds) == Outcome.DECODED
    return Audio.from_pcm(sink.getvalue())


def assert_question(audio: Audio, times: int = 1) -> None:
    assert audio.seconds == pytest.approx(SECONDS * times, abs=0.15 * times)
    assert abs(audio.samples).max() > 5_000


def pictures(target: av.container.OutputContainer, count: int) -> Iterator[av.Packet]:
    """A film of so many black pictures; one is the cover of an album."""
    stream = target.add_stream("mjpeg", rate=10)
    stream.width = stream.height = 256
    stream.pix_fmt = "yuvj420p"
    if count == 1:
        stream.disposition = Disposition.attached_pic
    for number in range(count):
        picture = av.VideoFrame(256, 256, "yuvj420p")
        picture.pts, picture.time_base = number, Fraction(1, 10)
        yield from stream.encode(picture)
    yield from stream.encode(None)


def film(muxer: str, images: int = 0, *, sound: bool = True, **options: str) -> bytes:
    """The question about the weather beside moving pictures."""
    out = io.BytesIO()
    with (
        av.open(str(WEATHER)) as source,
        av.open(out, "w", format=muxer, options=options) as target,
    ):
        speech = target.add_stream("aac", rate=16_000, layout="mono") if sound else None
        packets = list(pictures(target, images)) if images else []
        if speech:
            for frame in (*source.decode(audio=0), None):
                packets += speech.encode(frame)
        for packet in packets:
            target.mux(packet)
    return out.getvalue()


def test_a_fragmented_mp4_is_heard() -> None:
    file = film("mp4", movflags="empty_moov+default_base_moof", frag_duration="200000")

    assert file.count(b"moof") > 3
    assert_question(heard(file))


@pytest.mark.parametrize("muxer", ["mp4", "mov", "matroska"])
def test_the_sound_of_a_film_is_heard(muxer: str) -> None:
    assert_question(heard(film(muxer, images=18)))


def test_a_film_without_sound_is_undecodable() -> None:
    silent = io.BytesIO(film("mp4", images=18, sound=False))

    assert transcode(silent, io.BytesIO(), 60) == Outcome.UNDECODABLE


def test_the_cover_of_an_album_is_passed_over() -> None:
    assert_question(heard(film("mp4", images=1)))


@pytest.mark.parametrize("container", ["ogg", "oga"])
def test_chained_ogg_is_heard_to_the_end(container: str) -> None:
    assert_question(heard(weather_in(container) * 3), times=3)


@pytest.mark.parametrize("container", ["mp3", "aac", "amr"])
def test_files_put_one_after_another_are_heard_to_the_end(container: str) -> None:
    file = weather_in(container)
    more = file.removeprefix(b"#!AMR\n")

    assert_question(heard(file + more * 2), times=3)


def test_a_stream_may_change_its_rate_and_channels() -> None:
    """Two MP3s of different kinds, one after the other."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp3", options={"write_xing": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=44_100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 44_100), np.int16), "s16p", "stereo")
        frame.sample_rate, frame.time_base = 44_100, Fraction(1, 44_100)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    assert heard(out.getvalue() + weather_in("mp3")).seconds == pytest.approx(1 + SECONDS, abs=0.15)


def id3(frame: bytes, content: bytes) -> bytes:
    """An ID3v2.3 tag with one frame."""
    body = frame + len(content).to_bytes(4, "big") + b"\0\0" + content
    size = len(body)
    return b"ID3\3\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + body


@pytest.mark.parametrize(
    "tag",
    [
        id3(b"APIC", b"\0image/png\0\3\0\x89PNG\r\n\x1a\n" + bytes(8 << 20)),
        id3(b"APIC", b"\0image/jpeg\0\3\0\xff\xd8\xff\xe0" + bytes(8 << 20)),
        id3(b"TXXX", b"\1\xff\xfe" + b"x\0" * (4 << 20)),
        id3(b"TIT2", b"\0" + b"\xff\xfe\xfd" * 1_000),
    ],
    ids=["png", "jpeg", "megabytes of text", "no text"],
)
def test_tags_of_megabytes_are_passed_over(tag: bytes) -> None:
    assert_question(heard(tag + weather_in("mp3")))


@pytest.mark.parametrize("channels", [2, 6, MAX_CHANNELS])
def test_many_channels_become_one(channels: int) -> None:
    file = wav(np.full((16_000, channels), 9_000, "<i2").tobytes(), channels=channels, tag=1)
    pcm = wav_parser.parse(file)
    assert pcm is not None
    conversion = Conversion(len(pcm), pcm.rate)
    conversion.feed(pcm.frames())

    assert conversion.audio().samples[8_000] == pytest.approx(9_000, abs=1)
    assert heard(file).seconds == pytest.approx(1)


def test_a_legal_wav_of_25_mib_takes_memory_for_its_result_and_no_more() -> None:
    """Half an hour in 8 bits; as 32-bit floats it would take 100 MB, and a copy as much again."""
    pcm = wav_parser.parse(wav(bytes(25 << 20), rate=16_000, bits=8))
    assert pcm is not None
    tracemalloc.start()
    try:
        conversion = Conversion(len(pcm), pcm.rate)
        for block in pcm.blocks():
            conversion.feed(block.frames())
        audio = conversion.audio()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(audio.samples) == 25 << 20
    assert peak - audio.samples.nbytes < 8 << 20
