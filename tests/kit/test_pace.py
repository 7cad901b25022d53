"""How slowly a body may arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.pace import Pace

arrivals = st.lists(
    st.tuples(st.integers(0, 10_000), st.floats(0, 5, allow_nan=False)), max_size=50
)


def outcome(pace: Pace, arrivals: list[tuple[int, float]]) -> tuple[int, float, bool]:
    """Bytes, seconds that were waited, and whether all of it was."""
    read, waited = 0, 0.0
    for bytes_, seconds in arrivals:
        if seconds > pace.patience_s:
            return read, waited + max(0.0, pace.patience_s), False
        pace.arrived(bytes_, seconds)
        read, waited = read + bytes_, waited + seconds
    return read, waited, True


@given(arrivals, st.integers(1, 5_000), st.floats(0.1, 10))
def test_no_body_is_waited_for_longer_than_its_bytes_are_worth(
    arrivals: list[tuple[int, float]], bytes_per_s: int, max_wait_s: float
) -> None:
    read, waited, _ = outcome(Pace(bytes_per_s, max_wait_s), arrivals)

    assert waited <= max_wait_s + read / bytes_per_s + 1e-6


@given(st.lists(st.floats(0.01, 2), max_size=50), st.integers(1, 5_000))
def test_a_body_at_its_pace_is_read_to_its_end(pauses: list[float], bytes_per_s: int) -> None:
    arrivals = [(int(pause * bytes_per_s) + 1, pause) for pause in pauses]

    assert outcome(Pace(bytes_per_s, 2.001), arrivals)[2]


@given(arrivals, st.floats(0.1, 10))
def test_nothing_earns_a_longer_pause_than_the_longest(
    arrivals: list[tuple[int, float]], max_wait_s: float
) -> None:
    pace = Pace(100, max_wait_s)
    outcome(pace, arrivals)

    assert pace.patience_s <= max_wait_s


@given(st.integers(1, 5_000), st.floats(0.01, 0.99), st.floats(0.1, 10), st.floats(0.01, 1))
def test_a_body_below_its_pace_is_found_out_however_little_it_is_too_slow(
    bytes_per_s: int, share: float, max_wait_s: float, every: float
) -> None:
    pause = every * max_wait_s
    pace = Pace(bytes_per_s, max_wait_s)
    waited = 0.0
    while pace.patience_s >= pause:
        pace.arrived(int(share * bytes_per_s * pause), pause)
        waited += pause

    assert waited + max(0.0, pace.patience_s) <= 1.2 * max_wait_s + 1e-6


def test_who_has_caught_up_may_fall_behind_again() -> None:
    pace = Pace(100, 4.0)
    for _ in range(10):
        pace.arrived(0, 3.0)
        assert pace.patience_s == 1.0
        pace.arrived(500, 1.0)
        assert pace.patience_s == 4.0


def test_who_pauses_and_then_only_keeps_up_does_not_catch_up() -> None:
    pace = Pace(100, 4.0)
    pace.arrived(0, 3.0)
    pace.arrived(100, 1.0)

    assert pace.patience_s == pytest.approx(0.8)


def test_what_was_there_at_once_costs_nothing() -> None:
    pace = Pace(100, 3.0)
    for _ in range(10):
        pace.arrived(1, 0.0)

    assert pace.patience_s == 3.0
