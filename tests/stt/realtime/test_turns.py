"""Where speech starts and stops, frame by frame."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_stt.endpointing import FRAME_S, Endpointing
from parley_stt.realtime.turns import Started, Stopped, Turns

FRAME_MS = 1000 * FRAME_S


def endpointing(
    threshold: float = 0.5, padding: int = 2, silence: int = 4, speech: int = 3, longest: int = 1000
) -> Endpointing:
    """Durations in frames."""
    return Endpointing(
        threshold, padding * FRAME_S, silence * FRAME_S, speech * FRAME_S, longest * FRAME_S
    )


def turns_in(frames: list[float], rules: Endpointing) -> list[Started | Stopped]:
    return Turns(rules).feed(frames)


def test_a_turn_has_the_padding_before_and_the_silence_after_its_speech() -> None:
    assert turns_in([0.0] * 10 + [0.9] * 5 + [0.0] * 10, endpointing()) == [
        Started(8),
        Stopped(19, silence=4),
    ]


def test_a_turn_is_announced_as_soon_as_it_is_no_click() -> None:
    turns = Turns(endpointing())

    assert turns.feed([0.9, 0.9]) == []
    assert turns.feed([0.9]) == [Started(0)]


def test_a_click_starts_no_turn() -> None:
    assert turns_in(([0.9] * 2 + [0.0]) * 20, endpointing()) == []


def test_a_pause_does_not_end_a_turn() -> None:
    assert turns_in([0.9] * 5 + [0.0] * 3 + [0.9] * 5, endpointing()) == [Started(0)]


def test_a_voice_that_wavers_about_the_threshold_is_one_turn() -> None:
    assert turns_in([0.9] * 3 + [0.4] * 50, endpointing()) == [Started(0)]
    assert turns_in([0.4] * 50, endpointing()) == []


def test_the_padding_does_not_reach_into_the_turn_before() -> None:
    frames = [0.9] * 5 + [0.0] * 5 + [0.9] * 5

    assert turns_in(frames, endpointing(padding=9)) == [
        Started(0),
        Stopped(9, silence=4),
        Started(9),
    ]


def test_a_turn_that_does_not_end_is_cut_without_a_gap() -> None:
    found = turns_in([0.9] * 25, endpointing(longest=10))

    assert found == [
        Started(0), Stopped(10, silence=0), Started(10), Stopped(20, silence=0), Started(20),
    ]  # fmt: skip


def test_a_threshold_of_nought_takes_everything_for_speech() -> None:
    assert turns_in([0.0] * 15, endpointing(threshold=0, longest=10)) == [
        Started(0), Stopped(10, silence=0), Started(10),
    ]  # fmt: skip


def test_a_turn_that_is_stopped_from_outside_leaves_no_trace() -> None:
    turns = Turns(endpointing())
    turns.feed([0.9] * 4)
    turns.stop()

    assert not turns.speaking
    assert turns.earliest == 4
    assert turns.feed([0.9] * 3) == [Started(4)]


@pytest.mark.parametrize(("milliseconds", "frames"), [(30, 1), (32, 1), (33, 2), (500, 16)])
def test_silence_is_never_shorter_than_asked_for(milliseconds: int, frames: int) -> None:
    rules = Endpointing(silence_s=milliseconds / 1000)

    assert turns_in([0.9] * 5 + [0.0] * 50, rules)[-1] == Stopped(5 + frames, silence=frames)


probabilities = st.lists(st.sampled_from([0.0, 0.1, 0.4, 0.6, 1.0]), max_size=200)
rules = st.builds(
    endpointing,
    threshold=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    padding=st.integers(0, 20),
    silence=st.integers(1, 10),
    speech=st.integers(1, 5),
    longest=st.integers(6, 50),
)


@given(probabilities, rules)
def test_turns_alternate_in_order_and_are_never_too_long(
    frames: list[float], rules: Endpointing
) -> None:
    found = turns_in(frames, rules)

    assert [type(event) for event in found] == ([Started, Stopped] * len(found))[: len(found)]
    assert all(one.frame <= other.frame for one, other in pairwise(found))
    for started, stopped in pairwise(found):
        if isinstance(started, Started):
            longest = max(rules.max_utterance_s, rules.padding_s + rules.min_speech_s)
            assert 0 < (stopped.frame - started.frame) * FRAME_S <= longest + 2 * FRAME_S


@given(probabilities, rules)
def test_every_frame_of_speech_is_in_a_turn(frames: list[float], rules: Endpointing) -> None:
    found = turns_in(frames, rules)
    inside: set[int] = set()
    for index, event in enumerate(found):
        if isinstance(event, Started):
            after = found[index + 1].frame if index + 1 < len(found) else len(frames)
            inside |= set(range(event.frame, after))

    least = round(rules.min_speech_s / FRAME_S)
    for first in range(len(frames) - least + 1):
        run = range(first, first + least)
        if all(frames[frame] >= rules.threshold for frame in run):
            assert inside >= set(run)


@given(probabilities, rules, st.data())
def test_it_does_not_matter_in_what_pieces_frames_come(
    frames: list[float], rules: Endpointing, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(frames)))
    turns = Turns(rules)

    assert turns.feed(frames[:cut]) + turns.feed(frames[cut:]) == turns_in(frames, rules)


@given(probabilities, rules)
def test_what_is_not_needed_any_more_never_is(frames: list[float], rules: Endpointing) -> None:
    turns = Turns(rules)
    for frame in frames:
        earliest = turns.earliest
        for event in turns.feed([frame]):
            assert event.frame >= earliest
