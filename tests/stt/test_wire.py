"""Form fields: folding them never fails, and never loses what is known."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import InvalidRequest
from parley_stt.engine import Options
from parley_stt.engines.pocketsphinx import HARMLESS, PocketsphinxEngine
from parley_stt.settings import SttSettings
from parley_stt.wire import ARRAYS, Task, fields_of, options, parse

names = st.one_of(
    st.text(max_size=12),
    st.sampled_from([*ARRAYS, *(f"{name}[]" for name in ARRAYS), "model", "stream", "temperature"]),
    st.sampled_from(["chunking_strategy", "chunking_strategy[type]", "chunking_strategy[x"]),
)


@given(st.lists(st.tuples(names, st.text(max_size=12)), max_size=12))
def test_any_form_is_parsed_or_refused(items: list[tuple[str, str]]) -> None:
    try:
        known = parse(fields_of(items), "transcribe").model
    except InvalidRequest as refusal:
        known = refusal.message

    assert known


def test_both_spellings_of_an_array_are_one() -> None:
    folded = fields_of([("keywords[]", "a"), ("keywords", "b"), ("keywords[]", "c")])

    assert folded == {"keywords": ["a", "b", "c"]}


def test_nested_fields_are_an_object() -> None:
    folded = fields_of([("chunking_strategy[type]", "server_vad"), ("chunking_strategy[x]", "1")])

    assert folded == {"chunking_strategy": {"type": "server_vad", "x": "1"}}


@pytest.mark.parametrize("task", ["transcribe", "translate"])
def test_the_task_is_the_route_and_no_field(task: Task) -> None:
    assert parse({"model": "m", "task": "other"}, task).task == task


@pytest.fixture(scope="module")
def engine() -> PocketsphinxEngine:
    return PocketsphinxEngine(SttSettings())


def test_hotwords_are_keywords_and_blank_ones_are_none(engine: PocketsphinxEngine) -> None:
    asked = parse({"model": "whisper-1", "keywords": ["a", " "], "hotwords": "b c"}, "transcribe")

    assert options(asked, engine, None).keywords == ("a", "b c")


def test_languages_that_mean_the_same_are_one(engine: PocketsphinxEngine) -> None:
    asked = parse(
        {"model": "whisper-1", "languages": ["en", "English", "en-GB", "xx"]}, "transcribe"
    )

    assert options(asked, engine, None).languages == ("en",)


def test_what_the_engine_leaves_unused_are_options_that_exist() -> None:
    assert {option.name for option in fields(Options)} > HARMLESS


def test_an_empty_value_is_one_that_is_not_given() -> None:
    assert fields_of([("temperature", ""), ("model", "m")]) == {"model": "m"}
