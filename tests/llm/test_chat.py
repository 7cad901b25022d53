"""`POST /v1/chat/completions` with the scripted engine, over a socket."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from parley_llm.app import create_app
from parley_llm.settings import LlmSettings
from parley_llm.wire import HARMLESS
from tests.serving import error_of, open_request, serve, wait_until

QUESTION = {"role": "user", "content": "How long does the flu last?"}
TOOL = {"type": "function", "function": {"name": "get_weather"}}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    app = create_app(LlmSettings(allow_anonymous=True, max_messages=20))
    with serve(app) as url, httpx2.Client(base_url=f"{url}/llm/v1") as client:
        yield client


def ask(client: httpx2.Client, **fields: Any) -> httpx2.Response:
    body = {"model": "scripted", "messages": [QUESTION], **fields}
    return client.post("/chat/completions", json=body)


def test_an_unknown_model_is_404(client: httpx2.Client) -> None:
    response = ask(client, model="gpt-9")

    assert response.status_code == 404
    assert error_of(response)["code"] == "model_not_found"


@pytest.mark.parametrize("model", ["scripted", "qwen2-5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct"])
def test_an_alias_is_answered_by_the_engine_which_says_its_own_name(
    client: httpx2.Client, model: str
) -> None:
    assert ask(client, model=model).json()["model"] == "scripted"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].type",
        ),
        ({"messages": [QUESTION] * 21}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": [1]}, "stop[0]"),
        ({"n": 5}, "n"),
        ({"n": 0}, "n"),
        ({"functions": []}, "functions"),
        ({"stream_options": {"include_usage": True}, "stream": False}, None),
        ({"stream": "perhaps"}, "stream"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, None),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}},
            "tool_choice",
        ),
        ({"tool_choice": "required"}, None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_wrong_field_is_400_before_anything_is_said(
    client: httpx2.Client, fields: dict[str, Any], param: str | None, stream: bool
) -> None:
    response = ask(client, **{"stream": stream, **fields})

    assert response.status_code == 400
    error = error_of(response)
    assert error["type"] == "invalid_request_error"
    if param is not None:
        assert error["param"] == param


@pytest.mark.parametrize(
    "content", ["How long does the flu last?", [{"type": "text", "text": "flu?"}]]
)
def test_content_may_be_a_string_or_parts(client: httpx2.Client, content: object) -> None:
    reply = ask(client, messages=[{"role": "user", "content": content}]).json()

    assert "recover from the flu" in reply["choices"][0]["message"]["content"]


def test_the_same_conversation_gets_the_same_answer(client: httpx2.Client) -> None:
    first, second = ask(client).json(), ask(client).json()

    assert first["choices"] == second["choices"]
    assert first["id"] != second["id"]


def test_harmless_fields_change_nothing(client: httpx2.Client) -> None:
    plain = ask(client).json()
    full = ask(client, **{**dict.fromkeys(HARMLESS), "temperature": 2, "seed": 7}).json()

    assert plain["choices"] == full["choices"]


def test_a_stream_is_the_answer_in_pieces(client: httpx2.Client) -> None:
    whole = ask(client).json()
    response = ask(client, stream=True)
    *chunks, done = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    deltas = [json.loads(chunk)["choices"][0] for chunk in chunks]

    assert done == "[DONE]"
    assert deltas[0]["delta"] == {"role": "assistant", "content": ""}
    text = "".join(choice["delta"].get("content", "") for choice in deltas)
    assert text == whole["choices"][0]["message"]["content"]
    assert [choice["finish_reason"] for choice in deltas] == [None] * (len(deltas) - 1) + ["stop"]
    assert len(deltas) == whole["usage"]["completion_tokens"] + 2


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("auto", "tool_calls"),
        (None, "tool_calls"),
        ("required", "tool_calls"),
        ({"type": "function", "function": {"name": "get_weather"}}, "stop"),
    ],
)
def test_a_tool_that_the_question_is_about_is_called(
    client: httpx2.Client, choice: object, reason: str
) -> None:
    messages = [{"role": "user", "content": "Please tell me the weather."}]
    reply = ask(client, messages=messages, tools=[TOOL], tool_choice=choice).json()["choices"][0]

    assert reply["finish_reason"] == reason
    assert reply["message"]["content"] is None
    assert reply["message"]["tool_calls"][0]["function"]["name"] == "get_weather"


def test_no_tool_is_called_when_none_is_wanted_or_none_fits(client: httpx2.Client) -> None:
    weather = [{"role": "user", "content": "Please tell me the weather."}]
    unwanted = ask(client, messages=weather, tools=[TOOL], tool_choice="none").json()
    unfit = ask(client, tools=[TOOL]).json()

    assert "tool_calls" not in unwanted["choices"][0]["message"]
    assert "tool_calls" not in unfit["choices"][0]["message"]


def test_a_caller_who_hangs_up_frees_the_place_within_a_second() -> None:
    app = create_app(LlmSettings(allow_anonymous=True, scripted_tokens_per_s=0.1))
    body = {"model": "scripted", "messages": [QUESTION]}
    with serve(app) as url:
        for stream in (False, True):
            connection = open_request(
                url, "POST /llm/v1/chat/completions", {**body, "stream": stream}
            )
            wait_until(lambda: app.admission.load.running == 1, 5, "the answer begins")
            connection.close()
            wait_until(lambda: app.admission.load.running == 0, 1, "the place is free")


def test_nothing_that_is_said_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(LlmSettings(allow_anonymous=True, log_level="debug"))
    with caplog.at_level(logging.DEBUG), serve(app) as url:
        canary = {"role": "user", "content": "canary-spoken and the weather in canary-city"}
        for fields in (
            {},
            {"stream": True},
            {"tools": [TOOL]},
            {"model": "canary-model"},
            {"n": 5},
        ):
            body = {"model": "scripted", "messages": [canary], **fields}
            httpx2.post(f"{url}/llm/v1/chat/completions", json=body)

    assert "chat/completions" in caplog.text
    assert "canary" not in caplog.text


def test_no_request_gets_more_tokens_than_the_service_allows() -> None:
    app = create_app(LlmSettings(allow_anonymous=True, max_completion_tokens=3))
    with serve(app) as url, httpx2.Client(base_url=f"{url}/llm/v1") as client:
        reply = ask(client, max_tokens=50).json()

    assert reply["usage"]["completion_tokens"] == 3
    assert reply["choices"][0]["finish_reason"] == "length"
