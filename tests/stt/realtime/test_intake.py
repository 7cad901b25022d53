"""Bytes of any encoding in any pieces are the same samples."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_stt.realtime.intake import Encoding, Intake
from tests.stt.realtime.talking import encoded, pcm_of
from tests.stt.recordings import WEATHER

ENCODINGS = [
    Encoding(), Encoding("audio/pcm", 16_000), Encoding("audio/pcm", 8_000),
    Encoding("audio/pcmu", 8_000), Encoding("audio/pcma", 8_000),
]  # fmt: skip


def heard(encoding: Encoding, *pieces: bytes) -> list[int]:
    intake = Intake(encoding)
    fed = [intake.feed(piece) for piece in pieces]
    return np.concatenate([*fed, intake.end()]).tolist()


@given(st.sampled_from(ENCODINGS), st.binary(max_size=2000), st.lists(st.integers(0, 2000)))
def test_it_does_not_matter_in_what_pieces_bytes_come(
    encoding: Encoding, data: bytes, cuts: list[int]
) -> None:
    edges = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]

    assert heard(encoding, *pieces) == heard(encoding, data)


@given(st.sampled_from(ENCODINGS), st.binary(max_size=2000))
def test_as_much_comes_out_as_went_in(encoding: Encoding, data: bytes) -> None:
    whole = len(data) // 2 * 2 if encoding.type == "audio/pcm" else len(data)

    seconds = whole / encoding.bytes_per_second
    assert len(heard(encoding, data)) == pytest.approx(seconds * 16_000, abs=2)


def test_16_khz_pass_as_they_are() -> None:
    pcm = pcm_of(WEATHER, 16_000)

    assert heard(Encoding("audio/pcm", 16_000), pcm) == np.frombuffer(pcm, "<i2").tolist()


def test_nothing_above_half_the_rate_comes_back_as_something_else() -> None:
    """A tone of 11 kHz would be one of 5 kHz if samples were just left out."""
    time = np.arange(24_000) / 24_000
    tone = (16_000 * np.sin(2 * np.pi * 11_000 * time)).astype("<i2")

    assert np.abs(heard(Encoding(), tone.tobytes())[1000:-1000]).max() < 100


@pytest.mark.parametrize(
    ("codec", "type"), [("pcm_mulaw", "audio/pcmu"), ("pcm_alaw", "audio/pcma")]
)
def test_the_telephones_encodings_are_what_another_encoder_meant(codec: str, type: str) -> None:
    ours = np.array(heard(Encoding(type, 8_000), encoded(WEATHER, codec)))  # type: ignore[arg-type]
    meant = np.array(heard(Encoding("audio/pcm", 8_000), pcm_of(WEATHER, 8_000)))

    error = ours - meant
    assert 20 * np.log10(np.std(meant) / np.std(error)) > 30
