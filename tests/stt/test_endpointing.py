"""Endpointing: the arithmetic that finds utterances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_stt.endpointing import FRAME_S, Endpointing, Span, utterances

flags = st.lists(st.tuples(st.booleans(), st.integers(1, 60)), max_size=30).map(
    lambda runs: [speech for speech, length in runs for _ in range(length)]
)
endpointings = st.builds(
    Endpointing,
    padding_s=st.floats(0, 1),
    silence_s=st.floats(0.03, 2),
    min_speech_s=st.floats(0, 0.3),
    max_utterance_s=st.floats(0.03, 5),
)


def spans(speech: list[bool], endpointing: Endpointing) -> list[Span]:
    return utterances(speech, np.zeros(len(speech), np.float32), endpointing)


def pattern(text: str) -> list[bool]:
    """`.` and `#` are ten frames of silence and of speech."""
    return [char == "#" for char in text for _ in range(10)]


@given(flags, endpointings)
def test_utterances_are_in_order_apart_inside_and_short_enough(
    speech: list[bool], endpointing: Endpointing
) -> None:
    edges = [edge for span in spans(speech, endpointing) for edge in (span.start, span.end)]

    assert edges == sorted(edges)
    assert all(0 <= edge <= len(speech) for edge in edges)
    longest = max(1, round(endpointing.max_utterance_s / FRAME_S))
    assert all(
        0 < end - start <= longest for start, end in zip(edges[::2], edges[1::2], strict=True)
    )


@given(flags, endpointings)
def test_no_speech_is_lost_but_clicks(speech: list[bool], endpointing: Endpointing) -> None:
    kept = Endpointing(
        padding_s=endpointing.padding_s,
        silence_s=endpointing.silence_s,
        max_utterance_s=endpointing.max_utterance_s,
        min_speech_s=0,
    )
    covered = {frame for span in spans(speech, kept) for frame in range(span.start, span.end)}

    assert covered >= {frame for frame, is_speech in enumerate(speech) if is_speech}


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ("", []),
        ("....", []),
        ("####", [(0, 40)]),
        ("..##..", [(10, 50)]),
        ("#.#", [(0, 30)]),
        ("#..#", [(0, 20), (20, 40)]),
        ("#....#..", [(0, 20), (40, 70)]),
    ],
)
def test_silence_ends_an_utterance_and_padding_surrounds_it(
    heard: str, expected: list[tuple[int, int]]
) -> None:
    endpointing = Endpointing(padding_s=10 * FRAME_S, silence_s=15 * FRAME_S)
    found = spans(pattern(heard), endpointing)

    assert [(span.start, span.end) for span in found] == expected


def test_a_click_is_no_speech() -> None:
    assert spans([False] * 10 + [True] * 2 + [False] * 10, Endpointing()) == []


def test_a_long_utterance_is_cut_where_it_is_quietest() -> None:
    loudness = np.ones(1_000, np.float32)
    loudness[500:510] = 0
    found = utterances([True] * 1_000, loudness, Endpointing(max_utterance_s=20))

    assert 500 <= found[0].end < 510
    assert found[0].end == found[1].start
    assert found[1].end == 1_000
