"""Which step is next: short utterances in order, long files behind newcomers, batches of a kind."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from parley_stt.engines.whisper.steps import choose


@dataclass(frozen=True)
class Waiting:
    deadline: float
    call: str = "encode"


waiting = st.lists(
    st.builds(Waiting, st.floats(0, 1e6), st.sampled_from(["encode", "generate", "align"])),
    min_size=1,
    max_size=40,
)


@given(waiting, st.integers(1, 8))
def test_a_batch_is_the_most_urgent_step_and_those_like_it(steps: list[Waiting], rows: int) -> None:
    chosen = choose(steps, rows)
    urgent = min(step.deadline for step in steps)

    assert steps[chosen[0]].deadline == urgent
    assert len({steps[at].call for at in chosen}) == 1
    assert len(set(chosen)) == len(chosen) <= rows
    alike = [step for step in steps if step.call == steps[chosen[0]].call]
    assert len(chosen) == min(rows, len(alike))


@given(waiting, st.integers(1, 8))
def test_nobody_in_the_batch_is_less_urgent_than_one_like_it_left_out(
    steps: list[Waiting], rows: int
) -> None:
    chosen = choose(steps, rows)
    call = steps[chosen[0]].call
    left = [s.deadline for at, s in enumerate(steps) if at not in chosen and s.call == call]

    assert not left or max(steps[at].deadline for at in chosen) <= min(left)


def test_of_equal_deadlines_the_first_who_came_goes_first() -> None:
    assert choose([Waiting(1.0), Waiting(1.0), Waiting(1.0)], 2) == [0, 1]


def test_a_long_file_that_is_ahead_of_its_own_playing_yields_to_a_newcomer() -> None:
    arrived, now = 100.0, 110.0
    minute_five = Waiting(arrived + 300)
    newcomer = Waiting(now)

    assert choose([minute_five, newcomer], 1) == [1]


def test_a_long_file_that_has_fallen_behind_its_own_playing_goes_first() -> None:
    arrived, now = 100.0, 110.0
    fifth_second = Waiting(arrived + 5)
    newcomer = Waiting(now)

    assert choose([newcomer, fifth_second], 1) == [1]
