"""A value for a schema keeps to it, and a schema that is not understood is refused."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_llm.fitting import fit
from parley_llm.schema import UnusableSchema, accepts

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["value", "children"],
            "additionalProperties": False,
        }
    },
}
FOREVER: dict[str, Any] = {
    "type": "object", "properties": {"again": {"$ref": "#"}}, "required": ["again"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "Yes."),
        ({"type": "string", "minLength": 6}, "Yes..."),
        ({"type": "string", "maxLength": 2}, "Ye"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "integer"}, 3),
        ({"type": "integer", "maximum": 2}, 2),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "minimum": 10}, 10),
        ({"type": "integer", "exclusiveMinimum": 10, "multipleOf": 4}, 12),
        ({"type": "number", "minimum": 0.5, "maximum": 0.75}, 0.5),
        ({"type": "number", "exclusiveMinimum": 0.5, "maximum": 0.75}, 0.75),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"type": ["null", "string"]}, "Yes."),
        ({"enum": ["morning", "evening"]}, "evening"),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": "integer", "enum": ["a", 4]}, 4),
        ({"const": {"a": 1}}, {"a": 1}),
        ({"type": "array", "items": {"type": "boolean"}}, [False]),
        ({"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 3, "uniqueItems": True},
         [1, 2, 3]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2, "uniqueItems": True},
         [3, 4]),
        ({"type": "array", "maxItems": 0, "items": {}}, []),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, [3, "Yes."]),
        (PERSON, {"name": "Yes."}),
        ({"type": "array", "items": PERSON, "minItems": 2}, [{"name": "Yes."}] * 2),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 3),
        ({"anyOf": [{"enum": []}, {"type": "string"}]}, "Yes."),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}, {"type": "string"}]}, "Yes."),
        ({"allOf": [PERSON, {"properties": {"age": {"type": "integer"}}, "required": ["age"]}]},
         {"name": "Yes.", "age": 3}),
        ({"required": ["a"], "additionalProperties": {"type": "integer"}}, {"a": 3}),
        ({"properties": {"a": False, "b": {"type": "integer"}}}, {"b": 3}),
        ({}, "Yes."),
    ],
)  # fmt: skip
def test_there_is_a_value_for_what_structured_outputs_use(schema: Any, value: object) -> None:
    assert fit(schema, "Yes.", "At three in the evening?") == value


def test_what_refers_to_itself_comes_to_an_end() -> None:
    tree = fit(TREE, "Yes.", "")

    assert isinstance(tree, dict)
    assert accepts(TREE, tree)


@pytest.mark.parametrize(
    "schema",
    [
        FOREVER,
        {"$ref": "#"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/nowhere"},
        {"type": "string", "pattern": "(a+)+$"},
        {"type": "file"},
        {"type": "array", "items": {}, "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 3, "uniqueItems": True},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"enum": []},
        {"minItems": "one", "type": "array"},
        {"properties": 7, "type": "object"},
        {"required": 7, "type": "object"},
        {"anyOf": []},
        {"not": {}},
    ],
)
def test_a_schema_that_cannot_be_kept_to_is_refused(schema: Any) -> None:
    with pytest.raises(UnusableSchema):
        fit(schema, "Yes.", "")


keywords = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean", "null", "array"]),
        "enum": st.lists(st.none() | st.booleans() | st.integers() | st.text(), max_size=3),
        "minimum": st.integers(-9, 9),
        "exclusiveMaximum": st.integers(-9, 9),
        "multipleOf": st.sampled_from([1, 2, 3, 0.5]),
        "minLength": st.integers(0, 9),
        "maxLength": st.integers(0, 9),
        "minItems": st.integers(0, 4),
        "maxItems": st.integers(0, 4),
        "uniqueItems": st.booleans(),
    },
)
schemas = st.recursive(
    keywords,
    lambda inner: st.builds(
        lambda base, more: {**base, **more},
        keywords,
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["object", "array"]),
                "items": inner,
                "properties": st.dictionaries(st.sampled_from("abc"), inner),
                "required": st.lists(st.sampled_from("abcd"), unique=True),
                "additionalProperties": st.booleans() | inner,
                "anyOf": st.lists(inner, min_size=1, max_size=3),
                "oneOf": st.lists(inner, min_size=1, max_size=3),
                "allOf": st.lists(inner, max_size=2),
            },
        ),
    ),
    max_leaves=8,
)


@given(schemas, st.text(), st.text())
def test_a_value_keeps_to_its_schema(schema: Any, answer: str, asked: str) -> None:
    try:
        value = fit(schema, answer, asked)
    except UnusableSchema:
        return
    assert accepts(schema, json.loads(json.dumps(value)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
)


NAMES = ["type", "enum", "items", "required", "properties", "anyOf", "minimum", "$ref", "allOf"]


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_nonsense_is_refused_and_nothing_else_happens(schema: Any) -> None:
    with suppress(UnusableSchema):
        assert accepts(schema, fit(schema, "Yes.", ""))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, True),
        ({"const": 1}, True),
        ({"type": "integer"}, 1.5),
        ({"type": "number"}, "1"),
        ({"enum": [1]}, 2),
        (PERSON, {}),
        (PERSON, {"name": 1}),
        ({"properties": {}, "additionalProperties": False}, {"a": 1}),
        ({"items": {"type": "string"}}, [1]),
        ({"uniqueItems": True}, [{"a": 1}, {"a": 1}]),
        ({"oneOf": [{"type": "integer"}, {"minimum": 0}]}, 1),
        ({"multipleOf": 0.1}, 0.25),
        (False, 1),
    ],
)
def test_what_does_not_keep_to_a_schema_is_not_accepted(schema: Any, value: object) -> None:
    assert not accepts(schema, value)
