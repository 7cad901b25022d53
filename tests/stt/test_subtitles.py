"""Subtitles, read back by rules of their own."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_stt.engine import Segment
from parley_stt.subtitles import srt, vtt

segments = st.lists(
    st.builds(
        lambda start, length, text: Segment(start, start + length, text, "en"),
        st.floats(0, 100_000),
        st.floats(0, 100),
        st.text(min_size=1, max_size=40).filter(str.strip),
    ),
    max_size=5,
).map(tuple)


@given(segments)
def test_subrip_has_a_number_times_and_a_line_for_each_segment(cues: tuple[Segment, ...]) -> None:
    blocks = srt(cues).split("\n\n")[:-1]

    assert len(blocks) == len(cues)
    for number, block in enumerate(blocks, start=1):
        index, times, text = block.split("\n")
        assert index == str(number)
        assert re.fullmatch(r"\d\d+:\d\d:\d\d,\d{3} --> \d\d+:\d\d:\d\d,\d{3}", times)
        assert text == " ".join(cues[number - 1].text.split())


@given(segments)
def test_webvtt_has_no_cue_that_text_could_forge(cues: tuple[Segment, ...]) -> None:
    header, *blocks = vtt(cues).split("\n\n")[:-1]

    assert header == "WEBVTT"
    assert len(blocks) == len(cues)
    assert all(block.count("\n") == 1 and block.count("-->") == 1 for block in blocks)
    assert not any("<" in block for block in blocks)


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_a_segment_without_text_is_no_cue(text: str) -> None:
    silent, heard = Segment(0, 1, text, "en"), Segment(1, 2, " yes", "en")

    assert srt([silent, heard]) == "1\n00:00:01,000 --> 00:00:02,000\nyes\n\n"
    assert vtt([silent]) == "WEBVTT\n\n"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "00:00:00,000"), (1.9996, "00:00:02,000"), (59.9999, "00:01:00,000"),
     (3_725.5, "01:02:05,500"), (360_000, "100:00:00,000")],
)  # fmt: skip
def test_times_are_rounded_and_carried(seconds: float, written: str) -> None:
    assert written in srt([Segment(seconds, seconds, "a", "en")])
