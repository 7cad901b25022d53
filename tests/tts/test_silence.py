"""The silence around what is spoken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.engine import TimedWord
from parley_tts.engines.silence import pause_after, seamed, spoken_part
from parley_tts.engines.synthesiser import Sound
from parley_tts.traced import Span
from tests.tts.sounds import Samples

RATE = 1_000


def tone(*, before: float = 0.3, spoken: float = 0.5, after: float = 0.4) -> Samples:
    """Seconds of silence, of sound and of silence."""
    parts = [(before, 0), (spoken, 1_000), (after, 0)]
    return np.concatenate([np.full(round(s * RATE), level, np.int16) for s, level in parts])


def test_silence_before_is_cut_to_a_moment() -> None:
    cut = seamed(Sound(tone()), RATE, (0.3, 0.8), "Yes.", 1.0)

    assert spoken_part(cut.samples, RATE)[0] == pytest.approx(0.05, abs=0.003)


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        ("Yes.", 0.3), ("Yes?", 0.3), ("Yes!”", 0.3), ("yes…", 0.3), ("はい。", 0.3),
        ("yes,", 0.12), ("(yes,)", 0.12), ("yes;", 0.12), ("yes —", 0.12), ("是、", 0.12),
        ("yes", 0.03), ("", 0.03), ("...", 0.3), ("”", 0.03),
    ],
)  # fmt: skip
def test_the_pause_is_that_of_the_last_mark(text: str, pause: float) -> None:
    assert pause_after(text) == pause


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("after", [0.0, 0.1, 2.0])
def test_the_pause_is_as_long_whatever_the_engine_left(after: float, speed: float) -> None:
    cut = seamed(Sound(tone(after=after)), RATE, (0.3, 0.8), "Yes.", speed)

    expected = (0.05 + 0.3) / speed + 0.5
    assert len(cut.samples) / RATE == pytest.approx(expected, abs=0.003)


def test_words_move_with_what_is_cut() -> None:
    words = (TimedWord(Span(0, 3), 0.3, 0.6), TimedWord(Span(4, 7), 0.6, 0.8))
    cut = seamed(Sound(tone(), words), RATE, (0.3, 0.8), "yes yes", 1.0)

    assert [(word.start_s, word.end_s) for word in cut.words] == [
        (pytest.approx(0.05), pytest.approx(0.35)),
        (pytest.approx(0.35), pytest.approx(0.55)),
    ]


def test_a_seam_does_not_click() -> None:
    cut = seamed(Sound(tone(before=0.0, after=0.0)), RATE, (0.0, 0.5), "yes", 1.0)

    assert cut.samples[0] == 0
    assert np.abs(np.diff(cut.samples.astype(int))).max() <= 500


def test_silence_has_no_spoken_part() -> None:
    assert spoken_part(np.zeros(100, np.int16), RATE) == (0.0, 0.0)
    assert spoken_part(np.zeros(0, np.int16), RATE) == (0.0, 0.0)


def test_quiet_sounds_are_spoken_too() -> None:
    samples = np.concatenate([tone(), np.full(10, 5, np.int16), np.zeros(10, np.int16)])

    assert spoken_part(samples, RATE) == (0.3, pytest.approx(1.21))


@given(
    st.lists(st.integers(-32_768, 32_767), max_size=300),
    st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)).map(lambda pair: (min(pair), max(pair))),
    st.sampled_from(["yes", "yes,", "yes."]),
    st.floats(0.25, 4.0),
)
def test_no_word_is_outside_of_what_is_left(
    samples: list[int], spoken: tuple[float, float], text: str, speed: float
) -> None:
    sound = Sound(np.array(samples, np.int16), (TimedWord(Span(0, 3), *spoken),))
    cut = seamed(sound, RATE, spoken, text, speed)

    (word,) = cut.words
    assert 0 <= word.start_s <= word.end_s <= len(cut.samples) / RATE
