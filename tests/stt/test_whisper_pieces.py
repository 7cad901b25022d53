"""Recordings are cut at pauses into pieces of at most a window, and no speech is lost."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_stt.audio import SAMPLE_RATE
from parley_stt.audio.samples import Audio
from parley_stt.endpointing import Endpointing, Span, leaving, speaking
from parley_stt.engines.whisper.pieces import WINDOW_S, cut, packed
from parley_stt.voice import VoiceDetector
from tests.stt.recordings import long_speech

PAUSE_S = 5


@pytest.fixture(scope="module")
def voice() -> VoiceDetector:
    return VoiceDetector()


@pytest.fixture(scope="module")
def speech() -> Audio:
    """15 s with a pause in it, five times over with more pauses between."""
    once = np.frombuffer(long_speech()[44:], "<i2")
    return Audio(np.tile(np.concatenate((once, np.zeros(PAUSE_S * SAMPLE_RATE, np.int16))), 5))


def test_pieces_are_in_order_and_fit_a_window(voice: VoiceDetector, speech: Audio) -> None:
    pieces = cut(speech, Endpointing(), voice)
    ends = [piece.start_s + len(piece.samples) / SAMPLE_RATE for piece in pieces]

    assert len(pieces) > 1
    assert all(len(piece.samples) <= WINDOW_S * SAMPLE_RATE for piece in pieces)
    assert all(e <= piece.start_s for e, piece in zip(ends, pieces[1:], strict=False))


def test_a_piece_is_the_recording_from_where_it_begins(voice: VoiceDetector, speech: Audio) -> None:
    for piece in cut(speech, Endpointing(), voice):
        start = round(piece.start_s * SAMPLE_RATE)
        original = speech.samples[start : start + len(piece.samples)]
        assert np.array_equal(np.round(piece.samples * 32_768).astype(np.int16), original)


def test_without_endpointing_every_sample_is_in_one_piece(
    voice: VoiceDetector, speech: Audio
) -> None:
    pieces = cut(speech, None, voice)

    assert sum(len(piece.samples) for piece in pieces) == len(speech.samples)
    assert pieces[0].start_s == 0


def test_cuts_are_made_in_pauses(voice: VoiceDetector, speech: Audio) -> None:
    for piece in cut(speech, None, voice)[1:]:
        at = round(piece.start_s * SAMPLE_RATE)
        around = speech.samples[at - 800 : at + 800].astype(np.int32)
        assert np.abs(around).max() < 0.1 * np.abs(speech.samples.astype(np.int32)).max()


@pytest.mark.parametrize("seconds", [0, 0.05, 0.2, 40])
def test_silence_has_no_pieces(voice: VoiceDetector, seconds: float) -> None:
    silence = Audio(np.zeros(int(seconds * SAMPLE_RATE), np.int16))

    assert cut(silence, Endpointing(), voice) == []


def test_a_blip_has_no_pieces_even_when_everything_is_taken_for_speech(
    voice: VoiceDetector,
) -> None:
    assert cut(Audio(np.zeros(SAMPLE_RATE // 20, np.int16)), None, voice) == []


spans = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 90)), max_size=30).map(
    lambda gaps: _spans(gaps)
)


def _spans(gaps: list[tuple[int, int]]) -> list[Span]:
    found, at = [], 0
    for gap, length in gaps:
        found.append(Span(at + gap, at + gap + length, length))
        at += gap + length
    return found


@given(spans, st.integers(90, 300))
def test_packing_covers_every_span_in_few_short_stretches(spans: list[Span], longest: int) -> None:
    stretches = list(packed(spans, longest))

    assert all(0 < end - start <= longest for start, end in stretches)
    assert all(
        any(start <= span.start and span.end <= end for start, end in stretches) for span in spans
    )
    assert all(
        after_end - start > longest for (start, _), (_, after_end) in itertools.pairwise(stretches)
    )


@given(st.lists(st.floats(0, 1, width=32), max_size=60), st.floats(0.2, 0.9))
def test_speech_begins_at_the_threshold_and_ends_well_below_it(
    probabilities: list[float], threshold: float
) -> None:
    flags = speaking(np.array(probabilities, np.float32), threshold)
    expected, going_on = [], False
    for probability in np.array(probabilities, np.float32):
        going_on = probability >= threshold or (going_on and probability >= leaving(threshold))
        expected.append(going_on)

    assert flags.tolist() == expected
