"""Replies: every format tells the same transcript, and a stream adds up to it."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_stt.engine import Options, Segment, Word
from parley_stt.replies import Events, Transcript, language, render
from parley_stt.wire import TranscriptionRequest, parse

NAMES = {"en": "english", "de": "german"}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = st.builds(Word, texts, st.just(0.0), st.just(0.5), st.floats(0, 1))
segments = st.lists(
    st.builds(
        Segment,
        start=st.floats(0, 100),
        end=st.floats(100, 200),
        text=texts,
        language=st.sampled_from(sorted(NAMES)),
        words=st.tuples(words),
        tokens=st.tuples(st.integers(0, 50_000)),
        avg_logprob=st.floats(-10, 0),
    ),
    max_size=6,
)


def asked(**fields: Any) -> TranscriptionRequest:
    return parse({"model": "m", **fields}, "transcribe")


def rendered(heard: list[Segment], **fields: Any) -> Any:
    body, _ = render(Transcript(tuple(heard), 12.345, "english"), asked(**fields))
    return json.loads(body)


@given(segments)
def test_deltas_add_up_to_the_text_of_done_and_of_a_whole_answer(heard: list[Segment]) -> None:
    events = Events(asked(stream="true"))
    deltas = [delta for segment in heard if (delta := events.delta(segment))]
    done = events.done()

    assert "".join(str(delta["delta"]) for delta in deltas) == done["text"]
    assert all(delta["delta"] for delta in deltas)
    assert done["text"] == rendered(heard)["text"]
    assert done["languages"] == rendered(heard)["languages"]


@given(segments)
def test_streamed_logprobs_add_up_as_well(heard: list[Segment]) -> None:
    events = Events(asked(stream="true", include=["logprobs"]))
    deltas = [events.delta(segment) for segment in heard]

    said = [entry for delta in deltas if delta for entry in delta["logprobs"]]
    whole = rendered(heard, include=["logprobs"])["logprobs"]
    assert events.done()["logprobs"] == whole
    assert all(entry in whole for entry in said)


@given(segments)
def test_a_verbose_answer_has_all_ten_fields_of_each_segment(heard: list[Segment]) -> None:
    answer = rendered(heard, response_format="verbose_json")

    assert answer["usage"] == {"type": "duration", "seconds": 13}
    assert len(answer["segments"]) == len(heard)
    for number, segment in enumerate(answer["segments"]):
        assert segment["id"] == number
        assert set(segment) == {
            "id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob",
            "compression_ratio", "no_speech_prob",
        }  # fmt: skip
        assert all(math.isfinite(value) for value in segment.values() if isinstance(value, float))


@pytest.mark.parametrize(
    ("heard", "options", "name"),
    [
        (["de", "en"], Options(), "german"),
        (["de"], Options(task="translate"), "english"),
        ([], Options(languages=("de",)), "german"),
        ([], Options(), "english"),
    ],
    ids=["the first spoken", "a translation's", "the one asked for", "the first known"],
)
def test_a_transcript_has_a_language_even_in_silence(
    heard: list[str], options: Options, name: str
) -> None:
    assert language([Segment(0, 1, "a", code) for code in heard], options, NAMES) == name
