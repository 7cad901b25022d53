"""What the scripted engine says and which function it calls."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import InvalidRequest
from parley_llm import tokens
from parley_llm.engines.scripted import cut
from parley_llm.script import Script
from parley_llm.tool_rule import Call, Missing, decide
from parley_llm.wire import ChatRequest, Message

SCRIPT = Script.load()
APPOINTMENT = {
    "name": "book_appointment",
    "parameters": {
        "type": "object",
        "properties": {
            "date": {"type": "string"},
            "speciality": {"type": "string", "enum": ["dentist", "eye doctor"]},
            "people": {"type": "integer"},
        },
        "required": ["date"],
    },
}


def answer(*said: str) -> str:
    roles = ("user", "assistant")
    messages = [
        Message.model_validate({"role": roles[i % 2], "content": text})
        for i, text in enumerate(said)
    ]
    return SCRIPT.answer(messages)


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("How long does it take to get better from the flu?", "recover from the flu"),
        ("what time does the clinic open tomorrow morning", "eight in the morning"),
        ("i have had a bad headache since yesterday", "headache"),
        ("My blood pressure is high", "blood pressure"),
        ("I have chest pain", "emergency"),
        ("I forgot to take my pills", "prescription"),
        ("Hello there!", "How can I help"),
        ("thank you so much", "welcome"),
        ("", "How can I help"),
        ("qwertz", "scripted assistant"),
        ("who are you", "demonstration assistant"),
    ],
)
def test_a_question_gets_the_answer_of_its_topic(question: str, part: str) -> None:
    assert part in answer(question)


def test_an_answer_is_repeated_when_asked_again() -> None:
    assert answer("Hello", "Something said before.", "Could you repeat that?") == (
        "Something said before."
    )


@given(st.text())
def test_the_tokens_of_a_text_are_the_text(text: str) -> None:
    assert "".join(tokens.split(text)) == text


@given(st.text(), st.lists(st.text(), max_size=4), st.integers(1, 50))
def test_a_cut_answer_is_a_beginning_without_the_stop_sequences(
    text: str, stop: list[str], limit: int
) -> None:
    pieces, reason = cut(text, stop, limit)
    said = "".join(pieces)

    assert text.startswith(said)
    assert len(pieces) <= limit
    assert not any(sequence and sequence in said for sequence in stop)
    if reason == "stop" and not any(sequence and sequence in text for sequence in stop):
        assert said == text


def decided(text: str, function: dict[str, object], choice: object = "auto") -> object:
    """The call of one function that is decided on, or what is missing for it."""
    calls = decide(
        ChatRequest.model_validate(
            {
                "model": "scripted",
                "messages": [{"role": "user", "content": text}],
                "tools": [{"type": "function", "function": function}],
                "tool_choice": choice,
            }
        )
    )
    return calls[0] if isinstance(calls, tuple) and calls else calls


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("I need an appointment next Tuesday", {"date": "next tuesday"}),
        (
            "An appointment with the dentist tomorrow morning for 2 people",
            {"date": "tomorrow morning", "speciality": "dentist", "people": 2},
        ),
        ("appointments with an eye doctor on Friday, three of us",
         {"date": "friday", "speciality": "eye doctor", "people": 3}),
    ],
)  # fmt: skip
def test_arguments_are_read_off_the_question(text: str, arguments: dict[str, object]) -> None:
    call = decided(text, APPOINTMENT)

    assert isinstance(call, Call)
    assert json.loads(call.arguments) == arguments


def test_a_required_argument_that_was_not_said_is_asked_for() -> None:
    assert decided("I need an appointment", APPOINTMENT) == Missing("date")


def test_a_forced_call_fills_what_was_not_said() -> None:
    call = decided("Hello", APPOINTMENT, "required")

    assert isinstance(call, Call)
    assert json.loads(call.arguments)["date"] == ""


@pytest.mark.parametrize("name", ["getWeather", "get_weather", "weather-lookup", "lookup_weather"])
def test_a_function_is_known_by_the_words_of_its_name(name: str) -> None:
    assert isinstance(decided("What is the weather like?", {"name": name}), Call)


schemas = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean", "array", "object"]),
        "enum": st.lists(st.text() | st.integers(), min_size=1),
    },
)


@given(st.text(), st.dictionaries(st.text(), schemas), st.sampled_from(["auto", "required"]))
def test_whatever_the_schema_the_arguments_are_json_or_it_is_refused(
    text: str, properties: dict[str, object], choice: str
) -> None:
    function = {
        "name": "get_weather",
        "parameters": {"properties": properties, "required": list(properties)},
    }
    call: object = None
    with suppress(InvalidRequest):
        call = decided(f"weather {text}", function, choice)
    if isinstance(call, Call):
        assert isinstance(json.loads(call.arguments), dict)


def functions(*names: str) -> list[dict[str, object]]:
    return [{"type": "function", "function": {"name": name}} for name in names]


def names_called(choice: object, **fields: object) -> list[str]:
    """What is called for a question about the weather and the time, of three functions."""
    calls = decide(
        ChatRequest.model_validate(
            {
                "model": "scripted",
                "messages": [{"role": "user", "content": "The weather and the time, please"}],
                "tools": functions("get_weather", "get_time", "get_news"),
                "tool_choice": choice,
                **fields,
            }
        )
    )
    assert isinstance(calls, tuple)
    return [call.name for call in calls]


def allowed(mode: str, *names: str) -> dict[str, object]:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (None, ["get_weather", "get_time"]),
        ("auto", ["get_weather", "get_time"]),
        ("none", []),
        ("required", ["get_weather", "get_time"]),
        ({"type": "function", "function": {"name": "get_news"}}, ["get_news"]),
        (allowed("auto", "get_time", "get_news"), ["get_time"]),
        (allowed("auto", "get_news"), []),
        (allowed("required", "get_news"), ["get_news"]),
    ],
)
def test_every_form_of_tool_choice_is_honoured(choice: object, names: list[str]) -> None:
    assert names_called(choice) == names


def test_calls_are_made_one_at_a_time_for_those_who_ask_for_that() -> None:
    assert names_called("auto", parallel_tool_calls=False) == ["get_weather"]
    assert names_called("required", parallel_tool_calls=False) == ["get_weather"]


def test_what_several_tools_say_is_all_told() -> None:
    messages = [
        Message.model_validate(message)
        for message in (
            {"role": "user", "content": "?"},
            {"role": "assistant", "content": None},
            {"role": "tool", "content": "18 degrees", "tool_call_id": "a"},
            {"role": "tool", "content": "noon", "tool_call_id": "b"},
        )
    ]

    assert SCRIPT.answer(messages) == "Here is what I found: 18 degrees; noon"
