"""Files that are small until they are decoded, and files that lie: little time, little memory."""

import io
import json
import struct
import subprocess
import sys
import zlib
from typing import NamedTuple

import pytest

from parley.bench.bombs import BOMBS, silence
from parley_stt.audio.containers import transcode
from parley_stt.audio.decoder_child import SIZE
from parley_stt.audio.outcome import Outcome
from tests.stt.recordings import CONTAINERS, patched, wav, weather_in

MAX_AUDIO_S = 1_800
REFUSED_WITHIN_S = 3.0  # of CPU time
# The interpreter and FFmpeg take 35 MB of it.
PEAK_MB = 150

# A process between, because a child's peak counts from its parent's.
_RUN = """
import json, resource, subprocess, sys
decoder = [sys.executable, "-P", "-m", "parley_stt.audio.decoder_child", *sys.argv[1:]]
status = subprocess.call(decoder)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu_s = usage.ru_utime + usage.ru_stime
print(json.dumps([status, cpu_s, usage.ru_maxrss / 1000]), file=sys.stderr)
"""


class Ending(NamedTuple):
    """What became of a decoder process, and what it took."""

    status: int
    cpu_s: float
    peak_mb: float
    seconds: float
    """Of audio."""


def decoded(file: bytes, max_audio_s: float = MAX_AUDIO_S) -> Ending:
    ran = subprocess.run(
        [sys.executable, "-c", _RUN, str(max_audio_s), "10"],
        input=SIZE.pack(len(file)) + file, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    return Ending(*json.loads(ran.stderr), len(ran.stdout) / 32_000)


def assert_harmless(ending: Ending) -> None:
    assert ending.cpu_s < REFUSED_WITHIN_S
    assert ending.peak_mb < PEAK_MB


@pytest.mark.parametrize("kind", BOMBS)
def test_hours_of_silence_are_refused_before_they_are_decoded(kind: str) -> None:
    ending = decoded(silence(BOMBS[kind], 2 << 20), 600)

    assert ending.status == Outcome.TOO_LONG
    assert ending.seconds == 0
    assert_harmless(ending)


def test_hours_of_silence_whose_packets_claim_little_are_cut_off_while_they_are_decoded() -> None:
    """The durations in an MP4 are a table of its own; this one says that a packet is a tick."""
    file = bytearray(silence(BOMBS["M4A"], 128 << 10))
    entry = file.index(b"stts") + 8
    while struct.unpack_from(">I", file, entry + 8)[0] != 1_024:
        entry += 8
    file[entry + 8 : entry + 12] = struct.pack(">I", 1)
    ending = decoded(bytes(file), 60)

    assert ending.status == Outcome.TOO_LONG
    assert ending.seconds < 61
    assert_harmless(ending)


def test_tables_of_millions_of_samples_take_no_memory() -> None:
    """FFmpeg would build an index of 24 bytes for each sample that the tables tell of."""
    file = bytearray(silence(BOMBS["M4A"], 32 << 10))
    many = struct.pack(">I", 100_000_000)
    sizes, times, chunks = (file.index(name) for name in (b"stsz", b"stts", b"stsc"))
    assert struct.unpack_from(">I", file, sizes + 8)[0] > 0, "all samples have one size"
    file[sizes + 12 : sizes + 16] = many
    file[times + 12 : times + 16] = many
    file[chunks + 16 : chunks + 20] = many
    ending = decoded(bytes(file))

    assert ending.status in (Outcome.UNDECODABLE, Outcome.TOO_LARGE, Outcome.TOO_LONG)
    assert_harmless(ending)


def element(name: str, *content: bytes) -> bytes:
    """One of Matroska's; the name is its id in hexadecimal digits."""
    body = b"".join(content)
    return bytes.fromhex(name) + struct.pack(">Q", 1 << 56 | len(body)) + body


def matroska(pcm: bytes, rate: float, channels: int, blocks: int) -> bytes:
    """PCM of 16 bits in blocks that FFmpeg has to inflate first."""
    audio = element(
        "E1", element("B5", struct.pack(">d", rate)), element("9F", bytes([channels])),
        element("6264", b"\x10"),
    )  # fmt: skip
    zlib_encoded = element("6D80", element("6240", element("5034", element("4254", b"\0"))))
    track = element(
        "AE", element("D7", b"\1"), element("73C5", b"\1"), element("83", b"\2"),
        element("86", b"A_PCM/INT/LIT"), audio, zlib_encoded,
    )  # fmt: skip
    block = element("A3", b"\x81\0\0\x80", zlib.compress(pcm, 9))
    cluster = element("1F43B675", element("E7", b"\0"), block * blocks)
    header = element("1A45DFA3", element("4282", b"matroska"))
    return header + element("18538067", element("1654AE6B", track), cluster)


def test_zlib_in_matroska_decodes_as_it_should() -> None:
    """As a control of the bombs below."""
    ending = decoded(matroska(bytes(32_000), 16_000, 1, blocks=2))

    assert ending.status == Outcome.DECODED
    assert ending.seconds == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize(
    ("rate", "channels", "outcome"),
    [
        (8_000, 1, Outcome.TOO_LONG),
        (1_000, 1, Outcome.TOO_LONG),
        (192_000, 8, Outcome.TOO_LARGE),  # 44 seconds
    ],
)
def test_zlib_bombs_in_matroska_are_cut_off(rate: float, channels: int, outcome: Outcome) -> None:
    """Each of their blocks of 1 kB inflates to 1 MB."""
    file = matroska(bytes(1_000_000), rate, channels, blocks=135)
    assert len(file) < 1 << 20
    ending = decoded(file, 60)

    assert ending.status == outcome
    assert_harmless(ending)


@pytest.mark.parametrize("size", [9_000_000, 19_000_000, 100_000_000])
def test_packets_that_do_not_fit_into_memory_are_refused_and_not_left_out(size: int) -> None:
    ending = decoded(matroska(bytes(size), 192_000, 8, blocks=3))

    assert ending.status in (Outcome.UNDECODABLE, Outcome.TOO_LARGE)
    assert_harmless(ending)


def forged(container: str, rate: int) -> bytes:
    """The question about the weather with another rate in its header."""
    file = weather_in(container)
    match container:
        case "flac":  # 20 bits
            last = struct.unpack_from(">I", file, 18)[0] & 0xFFF
            return patched(file, 18, struct.pack(">I", min(rate, 655_350) << 12 | last))
        case "ogg":
            return patched(file, file.index(b"OpusHead") + 12, struct.pack("<I", rate))
        case "au":
            return patched(file, 16, struct.pack(">I", rate))
        case "caf":
            return patched(file, file.index(b"desc") + 12, struct.pack(">d", rate))
        case "mu-law wav":
            return patched(file, 24, struct.pack("<I", rate))
        case "aiff":  # 80 bits: exponent and mantissa
            exponent = rate.bit_length() - 1
            extended = struct.pack(">HQ", 16_383 + exponent, rate << 63 - exponent)
            return patched(file, file.index(b"COMM") + 16, extended)
    raise AssertionError(container)


@pytest.mark.parametrize("rate", [1, 100, 500_000, 4_000_000_000])
@pytest.mark.parametrize("container", ["au", "caf", "mu-law wav", "aiff", "flac", "ogg"])
def test_forged_sample_rates_multiply_nothing(container: str, rate: int) -> None:
    """At 1 Hz two seconds would become half a day; FLAC and Opus have the rate in each frame."""
    ending = decoded(forged(container, rate), 60)

    if container in ("flac", "ogg"):
        assert ending.seconds <= 2 or ending.status == Outcome.OUT_OF_RANGE
    else:
        assert ending.status in (Outcome.OUT_OF_RANGE, Outcome.UNDECODABLE, Outcome.TOO_LONG)
        assert ending.seconds == 0
    assert_harmless(ending)


def test_a_rate_of_1_hz_in_matroska_is_out_of_range() -> None:
    assert decoded(matroska(bytes(32_000), 1, 1, blocks=2)).status != Outcome.DECODED


def test_a_rate_in_the_decoder_configuration_of_aac_is_not_believed() -> None:
    """`esds` may spell out any rate of 24 bits; here it is the shortest of its kind, at 1 Hz."""
    file = weather_in("m4a")
    config = file.index(b"\x05\x80\x80\x80", file.index(b"esds")) + 5
    explicit = (2 << 11 | 15 << 7) << 24 | 1 << 7 | 1 << 3
    ending = decoded(patched(file, config, explicit.to_bytes(5)), 60)

    assert ending.seconds <= 60
    assert_harmless(ending)


@pytest.mark.parametrize("channels", [9, 255])
def test_more_channels_than_eight_are_out_of_range(channels: int) -> None:
    file = wav(bytes(channels * 2 * 1_000), channels=channels)

    assert decoded(file).status == Outcome.OUT_OF_RANGE


@pytest.mark.parametrize(
    "pattern",
    [b"\0", b"\xff", b"\xff\xfb\x90\x44", b"\xff\xf1\x50\x80", b"OggS", b"\x1a\x45\xdf\xa3",
     b"\0\0\0\x08ftyp", b"\0\0\1\xba", b"fLaC\0\0\0\x22", b"RIFF\xff\xff\xff\xffWAVEfmt "],
    ids=["zeros", "ones", "mp3", "adts", "ogg", "ebml", "ftyp", "mpeg", "flac", "riff"],
)  # fmt: skip
def test_megabytes_of_beginnings_are_given_up_soon(pattern: bytes) -> None:
    ending = decoded(pattern * ((8 << 20) // len(pattern)))

    assert ending.status == Outcome.UNDECODABLE
    assert_harmless(ending)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_truncated_file_is_heard_up_to_there_or_refused(container: str) -> None:
    file = weather_in(container)
    for part in (0, 1, 3, len(file) // 50, len(file) // 3, len(file) // 2):
        heard = io.BytesIO()
        outcome = transcode(io.BytesIO(file[:part]), heard, 60)

        assert outcome in (Outcome.DECODED, Outcome.UNDECODABLE)
        assert heard.tell() < 1.2 * 32_000
