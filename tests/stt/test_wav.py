"""The WAV parser reads what every tool writes, and takes any bytes without a fault."""

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_stt.audio.samples import Audio, Conversion
from parley_stt.audio.wav import Pcm, parse
from tests.stt.recordings import wav

_FLOAT = 3


def parsed(file: bytes) -> Pcm:
    pcm = parse(file)
    assert pcm is not None
    return pcm


def converted(*blocks: np.ndarray, rate: int) -> Audio:
    conversion = Conversion(sum(map(len, blocks)), rate)
    for block in blocks:
        conversion.feed(block)
    return conversion.audio()


def encode(frames: np.ndarray, bits: int, tag: int) -> bytes:
    """Frames of -1..1 in one of the encodings."""
    if tag == _FLOAT:
        return frames.astype(f"<f{bits // 8}").tobytes()
    whole = np.round(frames * (2 ** (bits - 1) - 1)).astype(np.int64)
    if bits == 8:
        return (whole + 128).astype(np.uint8).tobytes()
    return whole.astype("<i8").view(np.uint8).reshape(-1, 8)[:, : bits // 8].tobytes()


@given(
    frames=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=64),
    channels=st.integers(1, 8),
    rate=st.sampled_from([8_000, 16_000, 24_000, 44_100, 48_000, 192_000]),
    encoding=st.sampled_from([(8, 1), (16, 1), (24, 1), (32, 1), (32, 3), (64, 3)]),
)
def test_every_encoding_comes_back(
    frames: list[float], channels: int, rate: int, encoding: tuple[int, int]
) -> None:
    bits, tag = encoding
    samples = np.repeat(np.array(frames)[:, None], channels, axis=1)
    pcm = parsed(wav(encode(samples, bits, tag), rate, channels, bits, tag))

    assert pcm.frames().shape == (len(frames), channels)
    assert pcm.seconds == pytest.approx(len(frames) / rate)
    np.testing.assert_allclose(pcm.frames(), samples, atol=2.1 / 2 ** (min(bits, 24) - 1))


@given(st.binary(max_size=200))
def test_any_bytes_after_a_riff_header_are_taken_without_a_fault(rest: bytes) -> None:
    pcm = parse(b"RIFF\0\0\0\0WAVE" + rest)

    assert pcm is None or pcm.frames().ndim == 2


@given(st.data())
def test_any_damage_to_a_header_is_taken_without_a_fault(data: st.DataObject) -> None:
    file = bytearray(wav(bytes(range(200)), channels=2))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(0, 43))] = data.draw(st.integers(0, 255))
    file = file[: data.draw(st.integers(0, len(file)))]
    pcm = parse(bytes(file))

    if pcm is not None:
        assert converted(*(block.frames() for block in pcm.blocks()), rate=pcm.rate).seconds >= 0


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_sizes_of_streaming_writers_are_not_believed(size: int) -> None:
    file = bytearray(wav(bytes(1_000)))
    file[4:8] = file[40:44] = struct.pack("<I", size)

    assert len(parsed(bytes(file)).data) == 1_000


def test_of_a_truncated_file_whole_frames_are_left() -> None:
    file = wav(bytes(1_000), channels=2)

    assert len(parsed(file[:-501]).data) == 496


def test_chunks_around_the_samples_are_passed_over() -> None:
    file = wav(b"\1\2" * 50)
    odd = b"LIST" + struct.pack("<I", 5) + b"odd\0\0" + b"\0"
    pcm = parsed(file[:12] + odd + file[12:36] + odd + file[36:] + odd)

    assert bytes(pcm.data) == b"\1\2" * 50


def test_a_data_chunk_of_no_bytes_at_the_end_is_silence() -> None:
    assert parsed(wav(b"")).seconds == 0


def test_an_extensible_header_is_read() -> None:
    guid = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16_000, 32_000, 2, 16, 22, 16, 4) + guid
    chunks = b"fmt " + struct.pack("<I", 40) + form + b"data" + struct.pack("<I", 4) + bytes(4)

    assert len(parsed(b"RIFF\0\0\0\0WAVE" + chunks).data) == 4


@pytest.mark.parametrize(
    "file",
    [
        wav(bytes(100), tag=7, bits=8),
        wav(bytes(100), channels=9),
        wav(bytes(100), rate=0),
        wav(bytes(100), rate=384_000),
        wav(bytes(100), bits=12),
        wav(bytes(100)).replace(b"fmt ", b"fmtx"),
        wav(bytes(100)).replace(b"RIFF", b"RIFX"),
        b"",
    ],
    ids=["mu-law", "9 channels", "0 Hz", "384 kHz", "12 bits", "no format", "big-endian", "empty"],
)
def test_what_is_not_plain_pcm_is_left_to_the_decoder(file: bytes) -> None:
    assert parse(file) is None


def test_the_standard_library_and_the_parser_agree() -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(24_000)
        writer.writeframes(bytes(48_000))

    assert parsed(out.getvalue()).seconds == 1


def test_samples_beyond_full_scale_and_no_numbers_are_tamed() -> None:
    wild = np.array([[2.0], [-3.0], [np.nan], [np.inf], [-np.inf], [0.5]], dtype=np.float32)
    samples = converted(wild, rate=16_000).samples

    assert samples.tolist() == [32767, -32767, 0, 32767, -32767, 16384]


def test_channels_are_mixed_and_rates_converted_without_aliases() -> None:
    """A tone above half of 16 kHz is gone; one below keeps its level."""
    time = np.arange(48_000) / 48_000
    tones = np.stack([np.sin(2 * np.pi * 1_000 * time), np.sin(2 * np.pi * 12_000 * time)], axis=1)
    heard = converted(tones.astype(np.float32), rate=48_000)

    assert heard.seconds == pytest.approx(1, abs=0.01)
    spectrum = np.abs(np.fft.rfft(heard.samples[:16_000])) / 16_000
    assert spectrum.argmax() == 1_000
    assert np.delete(spectrum, range(990, 1_011)).max() < spectrum.max() / 100


@given(
    frames=st.integers(1, 5_000),
    cuts=st.lists(st.integers(0, 5_000), max_size=4),
    rate=st.sampled_from([1_000, 8_000, 16_000, 22_050, 48_000, 192_000]),
    channels=st.integers(1, 8),
)
def test_blocks_come_out_as_the_whole_does(
    frames: int, cuts: list[int], rate: int, channels: int
) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (frames, channels)).astype(np.float32)
    blocks = np.split(noise, sorted(min(cut, frames) for cut in cuts))

    whole = converted(noise, rate=rate).samples
    pieces = converted(*filter(len, blocks), rate=rate).samples
    np.testing.assert_array_equal(pieces, whole)
    assert len(whole) == pytest.approx(frames * 16_000 / rate, abs=1)


def test_the_blocks_of_a_file_are_its_frames() -> None:
    pcm = parsed(wav(np.arange(1 << 20, dtype="<i4").tobytes(), channels=2, bits=32))
    blocks = [block.frames() for block in pcm.blocks()]

    assert len(blocks) > 1
    assert max(map(np.size, blocks)) <= 1 << 18
    np.testing.assert_array_equal(np.concatenate(blocks), pcm.frames())


def test_pcm_with_an_odd_last_byte_loses_only_that() -> None:
    assert Audio.from_pcm(b"\1\0\2").samples.tolist() == [1]
