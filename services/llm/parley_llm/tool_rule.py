"""The scripted engine's rule for calling a function.

A function is called when the words of its name, verbs such as "get" aside, all occur in the
user's last message. Its arguments are read off that message by their type and name; if a
required one is not there, the engine asks for it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from parley_llm.script import stem, stems_of, words
from parley_llm.wire import ChatRequest, Function, NamedTool

_VERBS = frozenset(
    {
        "add", "book", "call", "check", "create", "current", "do", "fetch", "find", "get", "list",
        "look", "lookup", "make", "new", "query", "read", "search", "set", "show", "tell", "up",
    }
)  # fmt: skip
_DAY = re.compile(
    r"\b(?:(?:next|this)\s+)?(?:today|tonight|tomorrow|monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday)(?:\s+(?:morning|afternoon|evening|night))?\b",
    re.IGNORECASE,
)
_AFTER_PREPOSITION = re.compile(
    r"\b(?:in|for|at|to|about|named|called|of|from)\s+(?:the\s+)?([A-Za-z0-9][\w' -]*)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NUMBER_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """A function to call."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Missing:
    """An argument to ask the user for."""

    argument: str


def decide(chat: ChatRequest) -> Call | Missing | None:
    """Which function to call for the last message, if any."""
    last = chat.messages[-1]
    if last.role != "user" or not chat.tools or chat.tool_choice == "none":
        return None
    functions = [tool.function for tool in chat.tools]
    match chat.tool_choice:
        case NamedTool(function=named):
            chosen = [f for f in functions if f.name == named.name][:1]
            return _call(chosen[0], last.text, forced=True) if chosen else None
        case "required":
            chosen = [f for f in functions if _applies(f, last.text)] or functions
            return _call(chosen[0], last.text, forced=True)
        case "auto" | None:
            chosen = [f for f in functions if _applies(f, last.text)]
            return _call(chosen[0], last.text, forced=False) if chosen else None
    assert_never(chat.tool_choice)


def _applies(function: Function, text: str) -> bool:
    topic = [word for word in _name_words(function.name) if word not in _VERBS]
    return bool(topic) and stems_of(topic) <= stems_of(words(text))


def _name_words(name: str) -> list[str]:
    """`getWeather`, `get_weather` and `get-weather` are the same words."""
    return words(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_-]", " ", name))


def _call(function: Function, text: str, *, forced: bool) -> Call | Missing:
    properties: Mapping[str, Any] = function.parameters.get("properties", {})
    required: Sequence[str] = function.parameters.get("required", ())
    arguments: dict[str, object] = {}
    for name, schema in properties.items():
        value = _value(name, schema, text)
        if value is None and name in required:
            if not forced:
                return Missing(name.replace("_", " "))
            value = _blank(schema)
        if value is not None:
            arguments[name] = value
    return Call(function.name, json.dumps(arguments))


def _value(name: str, schema: Mapping[str, Any], text: str) -> object:
    """What the text says for one argument, or None."""
    if "enum" in schema:
        return _mentioned(schema["enum"], text)
    match schema.get("type"):
        case "integer":
            number = _number(text)
            return int(number) if number is not None and number == int(number) else None
        case "number":
            return _number(text)
        case "string":
            return _phrase(name, text)
        case _:
            return None


def _mentioned(options: Sequence[object], text: str) -> object:
    said = {stem(word) for word in words(text)}
    return next((o for o in options if isinstance(o, str) and stems_of(words(o)) <= said), None)


def _number(text: str) -> float | None:
    match = _NUMBER.search(text)
    if match:
        return float(match.group())
    return next((float(_NUMBER_WORDS[w]) for w in words(text) if w in _NUMBER_WORDS), None)


def _phrase(name: str, text: str) -> str | None:
    day = _DAY.search(text)
    if {"date", "day", "when", "time"} & set(_name_words(name)):
        return day.group().lower() if day else None
    without_day = _DAY.sub(" ", text)
    match = _AFTER_PREPOSITION.search(without_day)
    if match is None:
        return None
    return re.split(r"\b(?:in|for|at|on|to|from|please)\b", match.group(1))[0].strip() or None


def _blank(schema: Mapping[str, Any]) -> object:
    """A value of the right type for an argument that was forced but never said."""
    if schema.get("enum"):
        return schema["enum"][0]
    blanks: dict[object, object] = {
        "string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {},
    }  # fmt: skip
    return blanks.get(schema.get("type"))
