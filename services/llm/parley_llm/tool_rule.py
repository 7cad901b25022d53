"""The scripted engine's rule for calling a function.

A function is called when the words of its name, verbs such as "get" aside, all occur in the
user's last message. Its arguments are read off that message by their type and name; if a
required one is not there, the engine asks for it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from parley_kit.errors import InvalidRequest
from parley_llm.fitting import fit
from parley_llm.reading import mentioned, number_in
from parley_llm.schema import UnusableSchema, accepts
from parley_llm.script import stems_of, words
from parley_llm.wire import AllowedTools, ChatRequest, Function, Mode, NamedTool

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


@dataclass(frozen=True, slots=True)
class Call:
    """A function to call."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Missing:
    """An argument to ask the user for."""

    argument: str


def decide(chat: ChatRequest) -> tuple[Call, ...] | Missing:
    """Which functions to call for the last message; none of them when there is nothing to call.

    Raises:
        InvalidRequest: a function has to be called whose parameters' schema is not understood.
    """
    last = chat.messages[-1]
    if last.role != "user" or not chat.tools:
        return ()
    wanted, functions = _chosen(chat)
    if wanted == "none":
        return ()
    applying = [f for f in functions if _applies(f, last.text)]
    if wanted == "required":
        applying = applying or functions[:1]
    if chat.parallel_tool_calls is False:
        applying = applying[:1]
    if wanted == "required":
        return tuple(_forced(f, last.text) for f in applying)
    return _asked_for(applying, last.text)


def _chosen(chat: ChatRequest) -> tuple[Mode | Literal["none"], list[Function]]:
    """How freely the engine may choose, and among which functions."""
    functions = [tool.function for tool in chat.tools or ()]
    match chat.tool_choice:
        case NamedTool(function=named):
            return "required", [f for f in functions if f.name == named.name][:1]
        case AllowedTools(allowed_tools=allowed):
            names = {tool.function.name for tool in allowed.tools}
            return allowed.mode, [f for f in functions if f.name in names]
        case None:
            return "auto", functions
        case mode:
            return mode, functions


def _asked_for(functions: Sequence[Function], text: str) -> tuple[Call, ...] | Missing:
    """The calls that are complete; where there is none, what the first one lacks."""
    decided = [_call(function, text) for function in functions]
    calls = tuple(one for one in decided if isinstance(one, Call))
    if calls or not decided:
        return calls
    return next(one for one in decided if isinstance(one, Missing))


def _applies(function: Function, text: str) -> bool:
    topic = [word for word in _name_words(function.name) if word not in _VERBS]
    return bool(topic) and stems_of(topic) <= stems_of(words(text))


def _name_words(name: str) -> list[str]:
    """`getWeather`, `get_weather` and `get-weather` are the same words."""
    return words(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_-]", " ", name))


def _call(function: Function, text: str) -> Call | Missing:
    arguments = _said(function, text)
    for name in function.parameters.get("required", ()):
        if name not in arguments:
            return Missing(name.replace("_", " "))
    return Call(function.name, json.dumps(arguments))


def _forced(function: Function, text: str) -> Call:
    """A call that keeps to the function's schema, with blanks for what was not said."""
    arguments = _said(function, text)
    properties: Mapping[str, Any] = function.parameters.get("properties", {})
    root = {k: v for k, v in function.parameters.items() if k in ("$defs", "definitions")}
    for name in function.parameters.get("required", ()):
        if name not in arguments:
            schema = properties.get(name, True)
            within = {**root, **schema} if isinstance(schema, Mapping) else schema
            arguments[name] = _blank(function.name, within, text)
    return Call(function.name, json.dumps(arguments))


def _said(function: Function, text: str) -> dict[str, object]:
    """The arguments that are read off the text."""
    properties: Mapping[str, Any] = function.parameters.get("properties", {})
    values = {
        name: _value(name, schema, text)
        for name, schema in properties.items()
        if isinstance(schema, Mapping)
    }
    return {
        name: value
        for name, value in values.items()
        if value is not None and _may_be(properties[name], value)
    }


def _may_be(schema: Mapping[str, Any], value: object) -> bool:
    """Whether a value keeps to an argument's schema, as far as that is understood."""
    try:
        return accepts(schema, value)
    except (UnusableSchema, TypeError, ValueError, AttributeError, ArithmeticError):
        return True


def _blank(function: str, schema: Any, text: str) -> object:
    try:
        return fit(schema, "", text)
    except UnusableSchema as exc:
        raise InvalidRequest(
            f"The parameters of '{function}' cannot be filled in: {exc}.", param="tools"
        ) from exc


def _value(name: str, schema: Mapping[str, Any], text: str) -> object:
    """What the text says for one argument, or None."""
    if "enum" in schema:
        return mentioned(schema["enum"], text)
    match schema.get("type"):
        case "integer":
            number = number_in(text)
            return int(number) if number is not None and number == int(number) else None
        case "number":
            return number_in(text)
        case "string":
            return _phrase(name, text)
        case _:
            return None


def _phrase(name: str, text: str) -> str | None:
    day = _DAY.search(text)
    if {"date", "day", "when", "time"} & set(_name_words(name)):
        return day.group().lower() if day else None
    without_day = _DAY.sub(" ", text)
    match = _AFTER_PREPOSITION.search(without_day)
    if match is None:
        return None
    return re.split(r"\b(?:in|for|at|on|to|from|please)\b", match.group(1))[0].strip() or None
