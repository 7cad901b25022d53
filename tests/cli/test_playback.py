"""What a listener notices of how speech arrives."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.bench.playback import Arrival, ChunkStart, Heard, gaps, overtaken


def heard(first: float, chunks: Sequence[float] = ()) -> Heard:
    starts = [ChunkStart(at, 0) for at in chunks]
    return Heard(0.0, [Arrival(first, 1.0)], first + 1.0, starts)


def test_a_piece_that_comes_while_another_plays_leaves_no_gap() -> None:
    assert gaps([Arrival(5.0, 1.0), Arrival(5.1, 2.0), Arrival(7.9, 1.0)]) == []


def test_a_piece_that_comes_late_leaves_a_gap_and_all_else_plays_later() -> None:
    pieces = [Arrival(5.0, 1.0), Arrival(6.5, 2.0), Arrival(8.4, 1.0), Arrival(9.75, 1.0)]

    assert gaps(pieces) == pytest.approx([0.5, 0.25])


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0.01, 2)), min_size=1, max_size=20))
def test_playing_takes_as_long_as_the_audio_and_its_gaps(pieces: list[tuple[float, float]]) -> None:
    at, arrivals = 0.0, []
    for wait, audio_s in pieces:
        at += wait
        arrivals.append(Arrival(at, audio_s))

    played = sum(arrival.audio_s for arrival in arrivals) + sum(gaps(arrivals))
    last = arrivals[-1]
    assert arrivals[0].at + played >= last.at + last.audio_s - 0.005 * len(arrivals) - 1e-6


def test_who_waits_while_another_one_gets_a_third_chunk_is_overtaken() -> None:
    quick = heard(1.0, [1.0, 2.0, 3.0])

    assert overtaken([quick, heard(2.9, [2.9]), heard(1.5)]) == 0
    assert overtaken([quick, heard(3.1, [3.1]), heard(4.0)]) == 2
    assert overtaken([heard(9.0), heard(1.0, [1.0, 2.0])]) == 0
