"""When words are spoken, from how long a model makes their phonemes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.engines.kokoro.phrases import KokoroPhrase, Spoken
from parley_tts.engines.kokoro.timings import Timeline
from parley_tts.traced import Traced

VOCABULARY = frozenset("abc ,.")


def phrase(phonemes: str, *spoken: tuple[int, int]) -> KokoroPhrase:
    words = (Spoken(start, start, end) for start, end in spoken)
    return KokoroPhrase(Traced.of(phonemes), phonemes, tuple(words))


def times(said: KokoroPhrase, *frames: int) -> list[tuple[float, float]]:
    timeline = Timeline(said, VOCABULARY, np.array(frames))
    return [(mark.start_s, mark.end_s) for mark in timeline.marks()]


def test_a_frame_is_25_ms_and_half_of_a_space_belongs_to_either_side() -> None:
    assert times(phrase("ab c", (0, 2), (3, 4)), 5, 4, 4, 2, 4, 9) == [
        (0.05, pytest.approx(0.275)),
        (pytest.approx(0.275), pytest.approx(0.4)),
    ]


def test_phonemes_that_the_model_was_not_given_take_no_time() -> None:
    assert times(phrase("aXb c", (0, 3), (4, 5)), 3, 4, 4, 2, 4, 3) == times(
        phrase("ab c", (0, 2), (3, 4)), 3, 4, 4, 2, 4, 3
    )


def test_punctuation_around_what_is_said_is_no_speech() -> None:
    timeline = Timeline(phrase(", ab. "), VOCABULARY, np.array([4, 10, 10, 2, 2, 10, 10, 4]))

    assert timeline.spoken() == (pytest.approx(21 * 0.025), pytest.approx(28 * 0.025))


def test_nothing_said_is_nowhere() -> None:
    assert Timeline(phrase("..."), VOCABULARY, np.array([3, 1, 1, 1, 3])).spoken() == (0, 0)


@given(st.text("abcX ", min_size=1, max_size=40), st.data())
def test_times_never_run_back_nor_out_of_the_audio(phonemes: str, data: st.DataObject) -> None:
    known = sum(phoneme in VOCABULARY for phoneme in phonemes)
    frames = data.draw(st.lists(st.integers(1, 50), min_size=known + 2, max_size=known + 2))
    words = [(at, at + 1) for at, phoneme in enumerate(phonemes) if phoneme != " "]
    found = [time for pair in times(phrase(phonemes, *words), *frames) for time in pair]

    assert all(0 <= time <= sum(frames) * 0.025 + 1e-9 for time in found)
    assert all(before <= after + 1e-9 for before, after in pairwise(found))
