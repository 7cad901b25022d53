"""Whether a value keeps to a JSON schema: the keywords that structured outputs use, no others."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any] | bool

ANNOTATIONS = frozenset(
    {
        "$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated",
        "description", "examples", "format", "readOnly", "title", "writeOnly",
    }
)  # fmt: skip
ASSERTIONS = frozenset(
    {
        "$ref", "additionalProperties", "allOf", "anyOf", "const", "enum", "exclusiveMaximum",
        "exclusiveMinimum", "items", "maxItems", "maxLength", "maximum", "minItems", "minLength",
        "minimum", "multipleOf", "oneOf", "prefixItems", "properties", "required", "type",
        "uniqueItems",
    }
)  # fmt: skip

_MAX_DEPTH = 64

_TYPES: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


class UnusableSchema(Exception):
    """The schema is no schema, or says what is not understood here; the message is for callers."""


def accepts(schema: Schema, value: object, root: Schema | None = None, depth: int = 0) -> bool:
    """
    Raises:
        UnusableSchema: the schema uses a keyword that is not understood, or refers in circles.
    """
    if isinstance(schema, bool):
        return schema
    root = schema if root is None else root
    check_keywords(schema)
    if depth > _MAX_DEPTH:
        raise UnusableSchema("it is nested too deeply")

    def inner(schema: Schema, value: object) -> bool:
        return accepts(schema, value, root, depth + 1)

    return (
        ("$ref" not in schema or inner(resolve(schema["$ref"], root), value))
        and _is_of_a_type(schema, value)
        and ("const" not in schema or same(value, schema["const"]))
        and ("enum" not in schema or any(same(value, option) for option in schema["enum"]))
        and all(inner(part, value) for part in schema.get("allOf", ()))
        and ("anyOf" not in schema or any(inner(part, value) for part in schema["anyOf"]))
        and ("oneOf" not in schema or sum(inner(part, value) for part in schema["oneOf"]) == 1)
        and _is_in_bounds(schema, value)
        and _members_fit(schema, value, inner)
    )


def check_keywords(schema: object) -> None:
    """
    Raises:
        UnusableSchema: it is no object, or has a keyword that is not understood.
    """
    if not isinstance(schema, Mapping):
        raise UnusableSchema("a schema has to be an object")
    unknown = set(schema) - ANNOTATIONS - ASSERTIONS
    if unknown:
        raise UnusableSchema(f"'{min(unknown)}' is not supported")


def resolve(reference: object, root: Schema) -> Schema:
    """What a reference inside the schema leads to.

    Raises:
        UnusableSchema: nothing, or it leads elsewhere.
    """
    found: Any = root
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise UnusableSchema("a $ref has to lead into the schema")
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            raise UnusableSchema(f"'{reference}' leads nowhere")
        found = found[name]
    if not isinstance(found, Mapping | bool):
        raise UnusableSchema(f"'{reference}' leads to no schema")
    return found


def types_of(schema: Mapping[str, Any]) -> Sequence[str]:
    """The types that are named, none when any will do.

    Raises:
        UnusableSchema: there is no such type.
    """
    named = schema.get("type", ())
    types = (named,) if isinstance(named, str) else tuple(named)
    if not all(name in _TYPES for name in types):
        raise UnusableSchema("there is no such type")
    return types


def same(one: object, other: object) -> bool:
    """Equality as JSON has it: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def _is_of_a_type(schema: Mapping[str, Any], value: object) -> bool:
    types = types_of(schema)
    return not types or any(_TYPES[name](value) for name in types)


def _is_in_bounds(schema: Mapping[str, Any], value: object) -> bool:
    if isinstance(value, str):
        return _is_sized(schema, len(value), "minLength", "maxLength")
    if isinstance(value, list):
        distinct = not schema.get("uniqueItems") or not any(
            same(a, b) for i, a in enumerate(value) for b in value[:i]
        )
        return distinct and _is_sized(schema, len(value), "minItems", "maxItems")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _is_in_range(schema, value)
    return True


def _is_sized(schema: Mapping[str, Any], size: int, least: str, most: str) -> bool:
    low: float = schema.get(least, 0)
    high: float = schema.get(most, math.inf)
    return low <= size <= high


def _is_in_range(schema: Mapping[str, Any], value: float) -> bool:
    step: float | None = schema.get("multipleOf")
    low: float = schema.get("minimum", -math.inf)
    high: float = schema.get("maximum", math.inf)
    above: float = schema.get("exclusiveMinimum", -math.inf)
    below: float = schema.get("exclusiveMaximum", math.inf)
    return (
        low <= value <= high
        and above < value < below
        and (step is None or (value / step).is_integer())
    )


def _members_fit(
    schema: Mapping[str, Any], value: object, inner: Callable[[Schema, object], bool]
) -> bool:
    if isinstance(value, list):
        first: Sequence[Schema] = schema.get("prefixItems", ())
        rest = value[len(first) :]
        return all(map(inner, first, value)) and all(
            inner(schema.get("items", True), item) for item in rest
        )
    if isinstance(value, dict):
        known: Mapping[str, Schema] = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        return all(name in value for name in schema.get("required", ())) and all(
            inner(known.get(name, others), member) for name, member in value.items()
        )
    return True
