"""Nothing that belongs to a turn is lost, and nothing else is kept."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parley_stt.endpointing import FRAME_S, Endpointing
from parley_stt.realtime.buffer import Heard, InputBuffer, Started, Stopped
from parley_stt.realtime.tape import Samples
from parley_stt.voice import FRAME_SAMPLES

RULES = Endpointing(
    padding_s=2 * FRAME_S, silence_s=3 * FRAME_S, min_speech_s=2 * FRAME_S,
    max_utterance_s=12 * FRAME_S,
)  # fmt: skip


def numbered(start: int, count: int) -> Samples:
    """Samples that say where they are."""
    return np.arange(start, start + count).astype(np.int16)


class Pieces:
    """Feeds a buffer samples in odd pieces with the frames that they complete."""

    def __init__(self, buffer: InputBuffer, speech: list[bool]) -> None:
        self.buffer, self.speech = buffer, [float(frame) for frame in speech]
        self.judged = 0
        self.items: list[tuple[int, Samples, int | None]] = []

    def hear(self, count: int) -> None:
        start = self.buffer.end
        judged = min((start + count) // FRAME_SAMPLES, len(self.speech))
        frames, self.judged = self.speech[self.judged : judged], judged
        for step in self.buffer.hear(numbered(start, count), frames):
            match step:
                case Started(position):
                    self.items.append((position, np.zeros(0, np.int16), None))
                case Heard(samples, _):
                    at, before, _ = self.items.pop()
                    self.items.append((at, np.concatenate((before, samples)), None))
                case Stopped(position):
                    at, samples, _ = self.items.pop()
                    self.items.append((at, samples, position))


@given(st.lists(st.booleans(), max_size=60), st.lists(st.integers(1, 3000), max_size=40))
def test_every_item_is_exactly_the_audio_between_its_positions(
    speech: list[bool], counts: list[int]
) -> None:
    buffer = InputBuffer()
    buffer.attend(RULES)
    pieces = Pieces(buffer, speech)
    for count in counts:
        if buffer.end + count > len(speech) * FRAME_SAMPLES:
            break
        pieces.hear(count)

    for start, samples, end in pieces.items:
        assert samples.tolist() == numbered(start, len(samples)).tolist()
        assert end is None or end == start + len(samples)


@given(st.lists(st.integers(1, 2000), max_size=60))
def test_silence_is_not_kept(counts: list[int]) -> None:
    buffer = InputBuffer()
    buffer.attend(RULES)
    pieces = Pieces(buffer, [False] * 400)
    for count in counts:
        pieces.hear(count)

        assert len(buffer) < 3 * FRAME_SAMPLES


def test_without_turns_everything_is_kept_until_it_is_cut() -> None:
    buffer = InputBuffer()
    buffer.hear(numbered(0, 700), [])
    buffer.hear(numbered(700, 700), [])

    assert buffer.cut().tolist() == list(range(1400))
    assert (len(buffer), buffer.end) == (0, 1400)


def test_turns_can_be_found_in_what_was_kept_before() -> None:
    buffer = InputBuffer()
    buffer.hear(numbered(0, 8 * FRAME_SAMPLES), [])
    buffer.attend(RULES)

    steps = buffer.hear(numbered(0, 0), [0.0] * 3 + [1.0] * 5)

    assert isinstance(steps[0], Started)
    assert steps[0].position == FRAME_SAMPLES


def test_a_cut_ends_the_turn_and_the_next_begins_after_it() -> None:
    buffer = InputBuffer()
    buffer.attend(RULES)
    pieces = Pieces(buffer, [True] * 20)
    pieces.hear(4 * FRAME_SAMPLES + 100)

    assert len(buffer.cut()) == 100
    pieces.hear(4 * FRAME_SAMPLES)
    assert [start for start, _, _ in pieces.items] == [0, 4 * FRAME_SAMPLES + 100]
