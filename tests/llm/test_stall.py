"""An engine has stalled when requests run and no token moves."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from parley_llm.vllm.stall import StallDetector

AFTER_S = 10.0


@dataclass(frozen=True)
class Look:
    """What is seen some seconds after the look before."""

    after_s: float
    in_flight: int
    new_tokens: int


looks = st.lists(
    st.builds(
        Look,
        st.floats(0, 5, allow_nan=False),
        st.integers(0, 3),
        st.sampled_from([0, 0, 0, 1, 50]),
    )
)


def detector_after(seen: list[Look]) -> tuple[StallDetector, float, int]:
    detector = StallDetector(AFTER_S)
    now, tokens = 0.0, 0
    for look in seen:
        now += look.after_s
        tokens += look.new_tokens
        detector.look(now, look.in_flight, tokens)
    return detector, now, tokens


@given(looks)
def test_a_token_that_moves_ends_every_stall(seen: list[Look]) -> None:
    detector, now, tokens = detector_after(seen)
    detector.look(now, 1, tokens + 1)

    assert not detector.stalled


@given(looks, st.floats(0.1, 2))
def test_requests_without_a_token_are_a_stall_in_time(seen: list[Look], every_s: float) -> None:
    detector, now, tokens = detector_after(seen)
    end = now + AFTER_S + 2 * every_s
    while now < end:
        now += every_s
        detector.look(now, 1, tokens)

    assert detector.stalled


@given(looks)
def test_an_idle_engine_never_stalls_and_never_recovers(seen: list[Look]) -> None:
    detector, now, tokens = detector_after(seen)
    was = detector.stalled
    for _ in range(100):
        now += 5
        detector.look(now, 0, tokens)

    assert detector.stalled == was


@given(looks)
def test_no_stall_before_its_time(seen: list[Look]) -> None:
    detector = StallDetector(AFTER_S)
    now, tokens, since = 0.0, 0, 0.0
    for look in seen:
        now += look.after_s
        tokens += look.new_tokens
        since = now if look.new_tokens else since
        detector.look(now, look.in_flight, tokens)
        if now - since < AFTER_S:
            assert not detector.stalled


def test_a_machine_that_slept_is_not_an_engine_that_stalled() -> None:
    detector = StallDetector(AFTER_S)
    detector.look(0, 1, 7)
    detector.look(3600, 1, 7)

    assert not detector.stalled
