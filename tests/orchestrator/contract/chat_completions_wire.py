"""The wire of `rest` and `qwen`: OpenAI's chat completions."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from parley_orchestrator.llm.chat import Entry, Said, ToolCall, ToolResult
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transport import Api, Transport
from parley_orchestrator.llm.transports.chat_completions import ChatCompletions
from tests.orchestrator.contract.http_server import HttpServer, Request
from tests.orchestrator.contract.wire import (
    QUOTED,
    Answer,
    Asked,
    Call,
    Count,
    Fault,
    Finish,
    Garble,
    Lack,
    Say,
)


class ChatCompletionsWire:
    """See `Wire`."""

    api: Api = "REST"
    lacks: frozenset[Lack] = frozenset()

    def __init__(self, name: Literal["rest", "qwen"]) -> None:
        self.name = name

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[HttpServer]:
        async with HttpServer(_ChatDialect()).listening() as server:
            yield server

    def transport(self, config: LlmConfig) -> Transport:
        return ChatCompletions(self.name, config)


class _ChatDialect:
    base_path = "/v1"
    models = b'{"object":"list","data":[{"id":"m-1","object":"model"},{"id":"m-2"}]}'

    def read(self, request: Request) -> Asked:
        assert request.target == "/v1/chat/completions"
        body = request.json
        tools = [tool["function"] for tool in body.get("tools", ())]
        assert all(set(tool) == {"name", "description", "parameters"} for tool in tools)
        messages = list(body["messages"])
        first = messages.pop(0) if messages[0]["role"] == "system" else {"content": ""}
        return Asked(
            instructions=first["content"],
            entries=tuple(entry for message in messages for entry in _entries(message)),
            tools=tuple(tool["name"] for tool in tools),
            tool_choice=body.get("tool_choice"),
            model=body["model"],
            api_key=request.headers.get("authorization", "").removeprefix("Bearer "),
            organization=request.headers.get("openai-organization", ""),
            temperature=body.get("temperature"),
            max_tokens=body.get("max_tokens"),
            streaming=body["stream"],
        )

    def event(self, step: Say | Call | Count | Finish | Fault | Garble) -> bytes:
        match step:
            case Say():
                return _chunk({"content": step.text})
            case Call():
                return _call(step)
            case Count():
                return _data({"choices": [], "usage": _usage(step)})
            case Finish():
                return _chunk({}, "stop")
            case Fault():
                return _data({"error": {"message": QUOTED, "type": "server_error", "code": None}})
            case Garble():
                return b"data: {%s\n\n" % QUOTED.encode()

    def whole(self, steps: Answer) -> bytes:
        if any(isinstance(step, Garble) for step in steps):
            return b"{%s" % QUOTED.encode()
        message = {
            "role": "assistant",
            "content": "".join(step.text for step in steps if isinstance(step, Say)) or None,
            "tool_calls": [
                {"index": n, "id": call.id, "function": _function(call)}
                for n, call in enumerate(step for step in steps if isinstance(step, Call))
            ],
        }
        usage = [_usage(step) for step in steps if isinstance(step, Count)]
        reason = "stop" if Finish() in steps else None
        return json.dumps(
            {
                "choices": [{"index": 0, "message": message, "finish_reason": reason}],
                "usage": usage[0] if usage else None,
            }
        ).encode()


def _entries(message: dict[str, Any]) -> list[Entry]:
    role, content = message["role"], message.get("content")
    assert role in ("user", "assistant", "tool")
    if role == "tool":
        return [ToolResult(message["tool_call_id"], "", message["content"])]
    said: list[Entry] = [Said(role, content)] if content is not None else []
    return said + [
        ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in message.get("tool_calls", ())
    ]


def _data(event: object) -> bytes:
    return b"data: %s\n\n" % json.dumps(event).encode()


def _chunk(delta: object, reason: str | None = None) -> bytes:
    return _data({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})


def _call(call: Call) -> bytes:
    """In pieces, as models make them; each call is number 0, as some servers have it."""
    half = len(call.arguments) // 2
    pieces: tuple[dict[str, Any], ...] = (
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}},
        {"function": {"arguments": call.arguments[:half]}},
        {"function": {"arguments": call.arguments[half:]}},
    )
    return b"".join(_chunk({"tool_calls": [{"index": 0, **piece}]}) for piece in pieces)


def _function(call: Call) -> dict[str, str]:
    return {"name": call.name, "arguments": call.arguments}


def _usage(count: Count) -> dict[str, Any]:
    return {
        "prompt_tokens": count.prompt,
        "completion_tokens": count.completion,
        "prompt_tokens_details": {"cached_tokens": count.cached},
    }
