"""A value that keeps to a JSON schema and says what there is to say, in the places for it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parley_llm.reading import mentioned, number_in
from parley_llm.schema import Schema, UnusableSchema, accepts, check_keywords, resolve, types_of

_DEEP = 6
"""From here on only what is required is written, so that what refers to itself comes to an end."""
_MAX_DEPTH = 32
_MAX_VALUES = 2_000

_BY_FORMAT = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "duration": "P1D",
    "email": "nobody@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "00:00:00Z",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def fit(schema: Schema, answer: str, asked: str) -> object:
    """
    Args:
        answer: what the strings say.
        asked: where numbers and choices are read off.

    Raises:
        UnusableSchema: nothing was found that keeps to the schema; with a reason for the caller.
    """
    try:
        value = _Fitting(schema, answer, asked).value(schema, 0)
        if accepts(schema, value):
            return value
    except (TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as exc:
        # A keyword's value of the wrong kind, such as {"minItems": "one"}.
        raise UnusableSchema("it is not a valid schema") from exc
    raise UnusableSchema("nothing was found that keeps to it")


@dataclass(slots=True)
class _Fitting:
    root: Schema
    answer: str
    asked: str
    written: int = 0

    def value(self, schema: Schema, depth: int) -> object:
        self.written += 1
        if depth > _MAX_DEPTH or self.written > _MAX_VALUES:
            raise UnusableSchema("it is too large or has no end")
        if schema is False:
            raise UnusableSchema("nothing is allowed where something is required")
        if schema is True:
            return self.answer
        check_keywords(schema)
        schema = self._merged(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._choice(schema)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._alternative(schema, keyword, depth)
        return self._typed(schema, depth)

    def _merged(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with what it refers to, and all parts of an `allOf`, in one."""
        merged = {k: v for k, v in schema.items() if k not in ("$ref", "allOf")}
        for _ in range(_MAX_DEPTH):
            parts = [resolve(schema["$ref"], self.root)] if "$ref" in schema else []
            parts += schema.get("allOf", ())
            if not parts:
                return merged
            schema = {}
            for part in parts:
                check_keywords(part)
                assert isinstance(part, Mapping)
                schema = _both(schema, part)
            merged = _both(merged, {k: v for k, v in schema.items() if k not in ("$ref", "allOf")})
        raise UnusableSchema("it refers to itself without an end")

    def _choice(self, schema: Mapping[str, Any]) -> object:
        rest = {k: v for k, v in schema.items() if k != "enum"}
        options = [o for o in schema["enum"] if accepts(rest, o, self.root)]
        if not options:
            raise UnusableSchema("an enum has no value of its type")
        said = mentioned(options, self.asked)
        return options[0] if said is None else said

    def _alternative(self, schema: Mapping[str, Any], keyword: str, depth: int) -> object:
        """The first alternative that works out; null, which says nothing, last."""
        rest = {k: v for k, v in schema.items() if k != keyword}
        alternatives = sorted(
            schema[keyword], key=lambda part: isinstance(part, dict) and part.get("type") == "null"
        )
        reason = "an alternative is missing"
        for part in alternatives:
            both = _both(rest, part) if isinstance(part, Mapping) else rest
            try:
                value = self.value(both, depth + 1)
            except UnusableSchema as exc:
                reason = str(exc)
                continue
            if accepts(schema, value, self.root):
                return value
        raise UnusableSchema(reason)

    def _typed(self, schema: Mapping[str, Any], depth: int) -> object:
        types = [name for name in types_of(schema) if name != "null"] or types_of(schema)
        match types[0] if types else _implied(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return _sized(_BY_FORMAT.get(schema.get("format", ""), self.answer), schema)
            case "integer":
                return self._number(schema, _step_of_integers(schema))
            case "number":
                return self._number(schema, schema.get("multipleOf", 0))
            case "boolean":
                return False
        return None

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, object]:
        known: Mapping[str, Schema] = schema.get("properties", {})
        required: Sequence[str] = schema.get("required", ())
        names = [name for name in known if depth < _DEEP or name in required]
        names += [name for name in required if name not in known]
        others = schema.get("additionalProperties", True)
        return dict(self._members(names, known, others, set(required), depth))

    def _members(
        self,
        names: Sequence[str],
        known: Mapping[str, Schema],
        others: Schema,
        required: set[str],
        depth: int,
    ) -> Iterator[tuple[str, object]]:
        for name in names:
            try:
                yield name, self.value(known.get(name, others), depth + 1)
            except UnusableSchema:
                if name in required:
                    raise

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[object]:
        first: Sequence[Schema] = schema.get("prefixItems", ())
        least: int = schema.get("minItems", 0)
        if least > _MAX_VALUES:
            raise UnusableSchema("it asks for too many items")
        wanted = max(least, len(first), 1 if depth < _DEEP and "items" in schema else 0)
        wanted = min(wanted, schema.get("maxItems", wanted))
        items: list[object] = []
        for index in range(wanted):
            part = first[index] if index < len(first) else schema.get("items", True)
            items.append(self._another(part, items, schema.get("uniqueItems", False), depth))
        return items

    def _another(self, part: Schema, items: list[object], unique: bool, depth: int) -> object:
        if unique and items and isinstance(part, Mapping) and "enum" in part:
            part = {**part, "enum": [option for option in part["enum"] if option not in items]}
        value = self.value(part, depth + 1)
        if unique and isinstance(value, str) and value in items:
            return f"{value} {len(items) + 1}"
        if unique and isinstance(value, int | float) and value in items:
            return max(i for i in items if isinstance(i, int | float)) + 1
        return value

    def _number(self, schema: Mapping[str, Any], step: float) -> object:
        low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
        high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
        said = number_in(self.asked)
        for wish in (said, low, 0, high, (low + high) / 2):
            if wish is not None and math.isfinite(wish):
                for value in _near(wish, step):
                    if accepts(schema, value, self.root):
                        return value
        raise UnusableSchema("no number is between its bounds")


def _step_of_integers(schema: Mapping[str, Any]) -> float:
    step = schema.get("multipleOf", 1)
    return float(step) if step == int(step) else 1


def _near(wish: float, step: float) -> Iterator[float]:
    """`wish`, and multiples of `step` around it."""
    if not step:
        yield from (wish, wish + 0.5, wish - 0.5)
        return
    at = math.floor(wish / step)
    for multiple in (at, at + 1, at - 1):
        value = multiple * step
        yield int(value) if value == int(value) else value


def _implied(schema: Mapping[str, Any]) -> str:
    """The type that a schema without one is about."""
    if {"properties", "required", "additionalProperties"} & set(schema):
        return "object"
    if {"items", "prefixItems", "minItems"} & set(schema):
        return "array"
    if {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"} & set(schema):
        return "number"
    return "string"


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What keeps to two schemas, as far as it can be said in one."""
    both = {**one, **other}
    if "properties" in one and "properties" in other:
        both["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        both["required"] = [*one["required"], *other["required"]]
    return both


def _sized(text: str, schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", len(text))
    if least > 100_000:
        raise UnusableSchema("it asks for too long a text")
    return text[: max(0, most)].ljust(least, ".")
