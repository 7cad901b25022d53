"""OpenAI's contract, kept by the real vLLM with our edge inside it."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from tests.llm.spellings import HEADERS, PATHS, status_of_spelling
from tests.serving import error_of, wait_until
from tests.vllm.conftest import KEYS, MODEL, Vllm

CHAT = "/llm/v1/chat/completions"
HELLO: Any = [{"role": "user", "content": "Hello, when does the clinic open?"}]
CITY = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "enum": ["Rome", "Paris"]},
        "days": {"type": "array", "items": {"enum": [1, 2]}, "minItems": 1, "maxItems": 2},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
WEATHER: Any = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": CITY, "strict": True},
}


@pytest.fixture
def client(vllm: Vllm) -> Iterator[OpenAI]:
    with vllm.client as client:
        yield client


def endless(**fields: Any) -> dict[str, Any]:
    """A request that vLLM would work on for longer than any test waits."""
    return {"model": MODEL, "messages": HELLO, "max_tokens": 7000, "ignore_eos": True, **fields}


def test_models_are_listed_and_looked_up(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL, "Qwen/Qwen2.5-7B-Instruct"]
    assert client.models.retrieve("Qwen/Qwen2.5-7B-Instruct").object == "model"


def test_a_stream_says_what_a_whole_answer_says(client: OpenAI) -> None:
    asked: Any = {"model": MODEL, "messages": HELLO, "max_tokens": 12, "temperature": 0, "seed": 1}
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)

    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert whole.usage is not None
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens == 12
    assert whole.choices[0].finish_reason == "length"


def test_both_names_and_both_prefixes_answer(vllm: Vllm) -> None:
    for prefix in ("/llm/v1", "/v1"):
        for name in (MODEL, "Qwen/Qwen2.5-7B-Instruct"):
            body = {"model": name, "messages": HELLO, "max_tokens": 1}
            response = ask(vllm, body, f"{prefix}/chat/completions")
            assert response.json()["model"] == MODEL
            assert response.headers["x-request-id"]


def ask(vllm: Vllm, body: object, path: str = CHAT, timeout: float = 60) -> httpx2.Response:
    headers = {"authorization": f"Bearer {KEYS[0]}"}
    return httpx2.post(f"{vllm.url}{path}", json=body, headers=headers, timeout=timeout)


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "get_weather"}}]
)
def test_a_tool_is_called_with_arguments_of_its_schema(client: OpenAI, choice: Any) -> None:
    reply = client.chat.completions.create(
        model=MODEL, messages=HELLO, tools=[WEATHER], tool_choice=choice, max_tokens=500, seed=1
    )
    assert reply.choices[0].message.tool_calls
    call = reply.choices[0].message.tool_calls[0]
    assert call.type == "function"
    assert call.function.name == "get_weather"
    fits(json.loads(call.function.arguments))

    result: Any = [
        *HELLO, reply.choices[0].message.to_dict(),
        {"role": "tool", "tool_call_id": call.id, "content": "Sunny."},
    ]  # fmt: skip
    after = client.chat.completions.create(
        model=MODEL, messages=result, tools=[WEATHER], tool_choice="none", max_tokens=5
    )
    assert after.usage is not None
    assert after.usage.completion_tokens <= 5


def test_a_tool_call_can_be_streamed(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model=MODEL, messages=HELLO, tools=[WEATHER], tool_choice="required", max_tokens=500, seed=1
    ) as stream:
        stream.until_done()
        message = stream.get_final_completion().choices[0].message

    assert message.tool_calls
    fits(json.loads(message.tool_calls[0].function.arguments))


def test_an_answer_keeps_to_a_schema(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        model=MODEL, messages=HELLO, max_tokens=500, seed=1,
        response_format={
            "type": "json_schema", "json_schema": {"name": "city", "schema": CITY, "strict": True},
        },
    )  # fmt: skip

    fits(json.loads(reply.choices[0].message.content or ""))


def fits(value: dict[str, Any]) -> None:
    assert set(value) == {"city", "days"}
    assert value["city"] in ("Rome", "Paris")
    assert 1 <= len(value["days"]) <= 2
    assert set(value["days"]) <= {1, 2}


def test_completions_and_responses_answer(vllm: Vllm, client: OpenAI) -> None:
    completion = client.completions.create(model=MODEL, prompt="The clinic", max_tokens=3)
    response = ask(vllm, {"model": MODEL, "input": "Hi", "max_output_tokens": 3}, "/v1/responses")

    assert completion.choices[0].finish_reason == "length"
    assert response.json()["object"] == "response"


@pytest.mark.parametrize(
    ("fields", "kind", "param", "code"),
    [
        ({"model": "other"}, openai.NotFoundError, "model", "model_not_found"),
        ({"messages": "text"}, openai.BadRequestError, "messages", None),
        ({"temperature": 9}, openai.BadRequestError, "temperature", None),
        ({"max_tokens": 100_000}, openai.BadRequestError, "max_tokens", None),
        ({"n": 5}, openai.BadRequestError, "n", None),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}},
         openai.BadRequestError, None, None),
    ],
)  # fmt: skip
def test_a_refusal_is_one_that_the_client_understands(
    client: OpenAI, fields: Any, kind: type[openai.APIStatusError], param: str | None,
    code: str | None,
) -> None:  # fmt: skip
    with pytest.raises(kind) as refusal:
        client.chat.completions.create(**{"model": MODEL, "messages": HELLO, **fields})

    body = refusal.value.body
    assert isinstance(body, dict)
    assert set(body) == {"message", "type", "param", "code"}
    assert (body["code"], body["type"]) == (code, "invalid_request_error")
    assert param is None or body["param"] == param
    assert refusal.value.request_id


def test_developers_are_heard(vllm: Vllm) -> None:
    """The template drops messages of a role that it does not know."""

    def prompt_tokens(role: str) -> int:
        messages = [{"role": role, "content": "Be kind and brief to everyone."}, *HELLO]
        reply = ask(vllm, {"model": MODEL, "messages": messages, "max_tokens": 1}).json()
        return int(reply["usage"]["prompt_tokens"])

    assert prompt_tokens("developer") == prompt_tokens("system")


@pytest.mark.parametrize("path", PATHS)
def test_no_spelling_of_a_path_gets_past_the_key(vllm: Vllm, path: str) -> None:
    for header in HEADERS:
        assert status_of_spelling(vllm.url, path, header) in (400, 401)


@pytest.mark.parametrize("prefix", ["", "/llm"])
@pytest.mark.parametrize(
    "path",
    [
        "/invocations", "/tokenize", "/detokenize", "/scale_elastic_ep", "/load", "/version",
        "/ping", "/health", "/docs", "/openapi.json", "/v1/messages", "/pooling", "/v1/decisions",
        "/inference/v1/generate", "/kv_event_sources", "/generative_scoring",
    ],
)  # fmt: skip
def test_what_vllm_leaves_open_is_closed(vllm: Vllm, prefix: str, path: str) -> None:
    url = f"{vllm.url}{prefix}{path}"
    for method in ("GET", "POST"):
        assert httpx2.request(method, url).status_code == 401
        keyed = httpx2.request(method, url, headers={"authorization": f"Bearer {KEYS[0]}"})
        assert keyed.status_code == 404
        error_of(keyed)


@pytest.mark.parametrize("streamed", [True, False])
def test_callers_who_hang_up_leave_the_engine_to_others(vllm: Vllm, streamed: bool) -> None:
    """As many as run at a time and as many again, who wait; none of them would end in time."""
    callers = [open_endless(vllm, streamed) for _ in range(4)]
    wait_until(lambda: in_flight(vllm) == 4, 10, "all are in vLLM")
    if streamed:
        assert callers[0].recv(1)
    for caller in callers:
        caller.close()
    wait_until(lambda: in_flight(vllm) == 0, 1, "their places are free")

    assert ask(vllm, {"model": MODEL, "messages": HELLO, "max_tokens": 1}, timeout=10).is_success


def open_endless(vllm: Vllm, streamed: bool) -> socket.socket:
    host, port = vllm.url.removeprefix("http://").split(":")
    body = json.dumps(endless(stream=streamed)).encode()
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(
        f"POST {CHAT} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEYS[0]}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return connection


def in_flight(vllm: Vllm) -> int:
    headers = {"authorization": f"Bearer {KEYS[0]}"}
    return int(httpx2.get(f"{vllm.url}/status", headers=headers).json()["in_flight"])


def test_a_burst_gets_in_up_to_the_limit_and_no_further(vllm: Vllm) -> None:
    burst = 24

    def one(_: int) -> httpx2.Response | None:
        try:
            return ask(vllm, endless(), timeout=5)
        except httpx2.TimeoutException:
            return None

    with ThreadPoolExecutor(burst) as pool:
        replies = list(pool.map(one, range(burst)))

    refused = [reply for reply in replies if reply is not None]
    assert len(refused) == burst - 4
    for reply in refused:
        assert reply.status_code == 503
        assert error_of(reply)["code"] == "overloaded"
        assert int(reply.headers["retry-after"]) >= 1
    wait_until(lambda: in_flight(vllm) == 0, 5, "those who gave up are gone")


def test_nothing_of_a_conversation_and_no_key_is_in_the_log_or_the_process_list(
    vllm: Vllm,
) -> None:
    canary = [{"role": "user", "content": "canary-spoken"}]
    for fields in ({}, {"stream": True}, {"temperature": 9}, {"messages": "canary-text"},
                   {"model": "canary-model"}, {"tools": "canary-tool"}):  # fmt: skip
        ask(vllm, {"model": MODEL, "messages": canary, "max_tokens": 1, **fields})
    log = vllm.log.read_text()
    argv = Path(f"/proc/{vllm.process.pid}/cmdline").read_bytes()

    leaks = [line for line in log.splitlines() if "canary" in line]
    assert '"POST /v1/chat/completions 200"' in log
    assert leaks == []
    assert b"k1" not in argv.split(b"\0")
    assert b",".join(key.encode() for key in KEYS) not in argv
