"""The wire of `gemini`: Google's Gemini API."""

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from parley_orchestrator.llm.chat import Entry, Said, ToolCall, ToolChoice, ToolResult
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transport import Api, Transport
from parley_orchestrator.llm.transports.gemini import Gemini
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

_CHOICES: dict[str, ToolChoice] = {"AUTO": "auto", "NONE": "none", "ANY": "required"}


class GeminiWire:
    """See `Wire`."""

    name = "gemini"
    api: Api = "REST"
    lacks: frozenset[Lack] = frozenset({"organization"})

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[HttpServer]:
        async with HttpServer(_GeminiDialect()).listening() as server:
            yield server

    def transport(self, config: LlmConfig) -> Transport:
        return Gemini(config)


class _GeminiDialect:
    base_path = ""
    models = b'{"name":"models/model-1","displayName":"Model 1","new":{"to":"the SDK"}}'

    def read(self, request: Request) -> Asked:
        path = re.fullmatch(
            r"/v1\w*/models/(.+):(streamGenerateContent\?alt=sse|generateContent)", request.target
        )
        assert path, request.target
        assert "x-server-timeout" not in request.headers
        body = request.json
        config = body.get("generationConfig", {})
        (tools,) = body.get("tools") or ({"functionDeclarations": ()},)
        choice = body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode")
        return Asked(
            instructions=_system(body),
            entries=tuple(
                _entry(content["role"], part)
                for content in body["contents"]
                for part in content["parts"]
            ),
            tools=tuple(tool["name"] for tool in tools["functionDeclarations"]),
            tool_choice=_CHOICES[choice] if choice else None,
            model=path[1],
            api_key=request.headers["x-goog-api-key"],
            temperature=config.get("temperature"),
            max_tokens=config.get("maxOutputTokens"),
            streaming=path[2] != "generateContent",
        )

    def event(self, step: Say | Call | Count | Finish | Fault | Garble) -> bytes:
        match step:
            case Garble():
                return b"data: {%s\r\n\r\n" % QUOTED.encode()
            case Fault():
                error = {"code": 503, "message": QUOTED, "status": "UNAVAILABLE"}
                return _data(json.dumps({"error": error}))
            case Call():
                return _data(_with_call(step))
            case _:
                return _data(json.dumps(_chunk((step,))))

    def whole(self, steps: Answer) -> bytes:
        if any(isinstance(step, Garble) for step in steps):
            return b"{%s" % QUOTED.encode()
        return json.dumps(_chunk(steps)).encode()


def _data(event: str) -> bytes:
    """A keep-alive first, as proxies send them."""
    return b": ping\r\n\r\ndata: %s\r\n\r\n" % event.encode()


def _with_call(call: Call) -> str:
    """With the arguments as they are, JSON or not."""
    marked = json.dumps(_chunk((Call(call.id, call.name, '"ARGUMENTS"'),)))
    return marked.replace('"ARGUMENTS"', call.arguments)


def _chunk(steps: Answer) -> dict[str, Any]:
    candidate: dict[str, Any] = {
        "index": 0,
        "content": {"role": "model", "parts": [part for step in steps for part in _parts(step)]},
    }
    if Finish() in steps:
        candidate["finishReason"] = "STOP"
    counts = [step for step in steps if isinstance(step, Count)]
    return {
        "candidates": [candidate],
        "somethingNew": {"to": "the SDK"},
        **({"usageMetadata": _usage(counts[-1])} if counts else {}),
    }


def _parts(step: object) -> list[dict[str, Any]]:
    if isinstance(step, Say):
        return [{"text": step.text}]
    if isinstance(step, Call):
        called = {"id": step.id, "name": step.name, "args": json.loads(step.arguments)}
        return [{"functionCall": called, "thoughtSignature": signature(step.id)}]
    return []


def signature(call_id: str) -> str:
    """The thought signature that the server gives to a call."""
    return base64.b64encode(f"signature of {call_id}".encode()).decode()


def _usage(count: Count) -> dict[str, int]:
    return {
        "promptTokenCount": count.prompt,
        "candidatesTokenCount": count.completion,
        "totalTokenCount": count.prompt + count.completion,
        "cachedContentTokenCount": count.cached,
    }


def _system(body: dict[str, Any]) -> str:
    if "systemInstruction" not in body:
        return ""
    (part,) = body["systemInstruction"]["parts"]
    said: str = part["text"]
    return said


def _entry(role: str, part: dict[str, Any]) -> Entry:
    if called := part.get("functionCall"):
        assert role == "model"
        return ToolCall(
            called["id"], called["name"], json.dumps(called["args"]), part.get("thoughtSignature")
        )
    if result := part.get("functionResponse"):
        assert role == "user"
        return ToolResult(result["id"], result["name"], result["response"]["output"])
    return Said("assistant" if role == "model" else "user", part["text"])
