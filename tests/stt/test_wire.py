"""Form fields: folding them never fails, and never loses what is known."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import InvalidRequest
from parley_stt.engine import Options
from parley_stt.engines.pocketsphinx import HARMLESS
from parley_stt.wire import ARRAYS, fields_of, parse

names = st.one_of(
    st.text(max_size=12),
    st.sampled_from([*ARRAYS, *(f"{name}[]" for name in ARRAYS), "model", "stream", "temperature"]),
    st.sampled_from(["chunking_strategy", "chunking_strategy[type]", "chunking_strategy[x"]),
)


@given(st.lists(st.tuples(names, st.text(max_size=12)), max_size=12))
def test_any_form_is_parsed_or_refused(items: list[tuple[str, str]]) -> None:
    try:
        known = parse(fields_of(items)).model
    except InvalidRequest as refusal:
        known = refusal.message

    assert known


def test_both_spellings_of_an_array_are_one() -> None:
    folded = fields_of([("keywords[]", "a"), ("keywords", "b"), ("keywords[]", "c")])

    assert folded == {"keywords": ["a", "b", "c"]}


def test_nested_fields_are_an_object() -> None:
    folded = fields_of([("chunking_strategy[type]", "server_vad"), ("chunking_strategy[x]", "1")])

    assert folded == {"chunking_strategy": {"type": "server_vad", "x": "1"}}


def test_what_the_engine_leaves_unused_are_options_that_exist() -> None:
    assert {option.name for option in fields(Options)} > HARMLESS


def test_an_empty_value_is_one_that_is_not_given() -> None:
    assert fields_of([("temperature", ""), ("model", "m")]) == {"model": "m"}
