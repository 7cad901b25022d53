"""OpenAI's chat completions: a request as a body, and the events of an answer as items. Pure."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import BaseModel, Field, ValidationError

from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.chat import ChatRequest, Entry, Item, Said, Text, Tool, ToolCall, Usage
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.thinking import SpokenText
from parley_orchestrator.llm.tool_arguments import json_object
from parley_orchestrator.llm.transports.http_failures import status_kind

# OpenAI's reasoning models refuse `max_tokens`; other servers may know nothing else.
_KNOWS_COMPLETION_TOKENS = (".openai.com", ".openai.azure.com")


def chat_body(request: ChatRequest, config: LlmConfig) -> dict[str, Any]:
    """The JSON body; `request` has been prepared."""
    body: dict[str, Any] = {
        "model": config.model,
        "messages": _messages(request),
        "stream": config.stream,
    }
    if config.stream:
        body["stream_options"] = {"include_usage": True}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body["tool_choice"] = request.tool_choice
    if config.temperature is not None:
        body["temperature"] = config.temperature
    if config.max_tokens is not None:
        body[_limit_name(config.base_url)] = config.max_tokens
    return body


def _limit_name(base_url: str) -> str:
    host = f".{urlsplit(base_url).hostname}"
    return "max_completion_tokens" if host.endswith(_KNOWS_COMPLETION_TOKENS) else "max_tokens"


def _tool(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
        },
    }


def _messages(request: ChatRequest) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if request.instructions:
        messages.append({"role": "system", "content": request.instructions})
    for entry in request.entries:
        _append(messages, entry)
    return messages


def _append(messages: list[dict[str, Any]], entry: Entry) -> None:
    if isinstance(entry, Said):
        messages.append({"role": entry.role, "content": entry.text})
    elif isinstance(entry, ToolCall):
        if not messages or messages[-1]["role"] != "assistant":
            messages.append({"role": "assistant"})
        messages[-1].setdefault("tool_calls", []).append(_call(entry))
    else:
        messages.append({"role": "tool", "tool_call_id": entry.call_id, "content": entry.output})


def _call(call: ToolCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


class _Function(BaseModel):
    name: str | None = None
    arguments: str | None = None


class _CallPiece(BaseModel):
    index: int = 0
    id: str | None = None
    function: _Function = Field(default_factory=_Function)


class _Piece(BaseModel):
    content: str | None = None
    tool_calls: list[_CallPiece] | None = None


class _Choice(BaseModel):
    delta: _Piece | None = None
    message: _Piece | None = None
    finish_reason: str | None = None


class _Cached(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Cached | None = None


class _Error(BaseModel):
    code: int | str | None = None


class _Event(BaseModel):
    """As much of a chunk or of a whole completion as is used."""

    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: _Error | str | None = None


class _OpenCall:
    def __init__(self, index: int, id: str) -> None:
        self.index = index
        self.id = id
        self.name = ""
        self.arguments = ""

    def whole(self, model: str) -> ToolCall:
        if not self.name:
            raise LlmFailed(f"{model} called a tool without a name", "malformed")
        call_id = self.id or f"call_{uuid4().hex}"
        return ToolCall(call_id, self.name, json_object(self.arguments, model))


class ChatAnswer:
    """Reads an answer event by event, or a whole one at once."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._spoken = SpokenText()
        self._calls: list[_OpenCall] = []
        self._usage: _Usage | None = None
        self.finished = False

    def push(self, data: object) -> Iterator[Text]:
        """
        Args:
            data: JSON of a `chat.completion.chunk` or of a `chat.completion`.
        """
        try:
            event = _Event.model_validate(data)
        except ValidationError:
            # Its text quotes the conversation.
            raise LlmFailed(f"{self._model} sent an event of another shape", "malformed") from None
        if event.error is not None:
            raise self._failed(event.error)
        self._usage = event.usage or self._usage
        for choice in event.choices[:1]:
            yield from self._piece(choice.delta or choice.message or _Piece())
            self._end(choice.finish_reason)

    def _failed(self, error: _Error | str) -> LlmFailed:
        code = error.code if isinstance(error, _Error) else None
        kind = status_kind(code) if isinstance(code, int) else "server"
        return LlmFailed(f"{self._model} sent an error in its answer", kind)

    def _piece(self, piece: _Piece) -> Iterator[Text]:
        if spoken := self._spoken.push(piece.content or ""):
            yield Text(spoken)
        for call in piece.tool_calls or ():
            self._add(call)

    def _add(self, piece: _CallPiece) -> None:
        """Some servers number all calls 0: a new id is a new call."""
        known = [call for call in self._calls if call.index == piece.index]
        if not known or (piece.id and known[-1].id and piece.id != known[-1].id):
            known = [_OpenCall(piece.index, piece.id or "")]
            self._calls += known
        call = known[-1]
        call.id = call.id or piece.id or ""
        call.name = call.name or piece.function.name or ""
        call.arguments += piece.function.arguments or ""

    def _end(self, reason: str | None) -> None:
        if reason == "content_filter":
            raise LlmFailed(f"{self._model} has a filter that stopped the answer", "blocked")
        if reason == "error":
            raise LlmFailed(f"{self._model} failed in the middle of an answer", "server")
        self.finished = self.finished or reason is not None

    def end(self) -> Iterator[Item]:
        """What is known only when the stream has ended."""
        if not self.finished:
            raise LlmFailed(f"{self._model} stopped in the middle of an answer", "cut")
        if rest := self._spoken.end():
            yield Text(rest)
        for call in self._calls:
            yield call.whole(self._model)
        if self._usage:
            details = self._usage.prompt_tokens_details
            yield Usage(
                self._usage.prompt_tokens,
                self._usage.completion_tokens,
                (details and details.cached_tokens) or 0,
            )
