"""Gemini's API: a request as the SDK's types, and the SDK's chunks of an answer as items. Pure."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from google.genai import types

from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chat import (
    ChatRequest,
    Entry,
    Item,
    Said,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from parley_orchestrator.llm.config import LlmConfig

_MODES = {
    "auto": types.FunctionCallingConfigMode.AUTO,
    "none": types.FunctionCallingConfigMode.NONE,
    "required": types.FunctionCallingConfigMode.ANY,
}
# Gemini answers a user; where none has spoken last, LiveKit's plugin says this too.
_NOTHING_SAID = types.Content(role="user", parts=[types.Part(text=".")])

_R = types.FinishReason
_ENDINGS: dict[types.FinishReason, FailureKind] = {
    _R.SAFETY: "blocked",
    _R.RECITATION: "blocked",
    _R.BLOCKLIST: "blocked",
    _R.PROHIBITED_CONTENT: "blocked",
    _R.SPII: "blocked",
    _R.MODEL_ARMOR: "blocked",
    _R.MALFORMED_FUNCTION_CALL: "malformed",
    _R.UNEXPECTED_TOOL_CALL: "malformed",
    _R.TOO_MANY_TOOL_CALLS: "malformed",
    _R.MALFORMED_RESPONSE: "malformed",
    _R.MISSING_THOUGHT_SIGNATURE: "refused",
    _R.OTHER: "cut",
}


def contents(entries: tuple[Entry, ...]) -> list[types.Content]:
    """The conversation, with what one side says in a row as one turn.

    Raises:
        LlmFailed: `refused`, a tool call in it cannot be sent.
    """
    turns: list[types.Content] = []
    for entry in entries:
        role = "user" if _from_user(entry) else "model"
        if not turns or turns[-1].role != role:
            turns.append(types.Content(role=role, parts=[]))
        parts = turns[-1].parts
        assert parts is not None
        parts.append(_part(entry))
    if not turns or turns[-1].role != "user":
        turns.append(_NOTHING_SAID)
    return turns


def _from_user(entry: Entry) -> bool:
    return isinstance(entry, ToolResult) or (isinstance(entry, Said) and entry.role == "user")


def _part(entry: Entry) -> types.Part:
    if isinstance(entry, Said):
        return types.Part(text=entry.text)
    if isinstance(entry, ToolCall):
        return types.Part(
            function_call=types.FunctionCall(id=entry.id, name=entry.name, args=_arguments(entry)),
            thought_signature=_signature(entry),
        )
    key = "error" if entry.is_error else "output"
    return types.Part(
        function_response=types.FunctionResponse(
            id=entry.call_id, name=entry.name, response={key: entry.output}
        )
    )


def _arguments(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise LlmFailed("the conversation has a tool call with no JSON object", "refused")
    return arguments


def _signature(call: ToolCall) -> bytes | None:
    """None for a call that another model made."""
    if call.signature is None:
        return None
    try:
        return base64.b64decode(call.signature, validate=True)
    except ValueError:
        raise LlmFailed("the conversation has a signature that is no base64", "refused") from None


def generation(request: ChatRequest, config: LlmConfig) -> types.GenerateContentConfig:
    """All but the conversation; `request` has been prepared."""
    return types.GenerateContentConfig(
        system_instruction=request.instructions or None,
        temperature=config.temperature,
        max_output_tokens=config.max_tokens,
        thinking_config=thinking(config.model),
        tools=[types.Tool(function_declarations=[_declaration(t) for t in request.tools])]
        if request.tools
        else None,
        tool_config=types.ToolConfig(
            function_calling_config=types.FunctionCallingConfig(mode=_MODES[request.tool_choice])
        )
        if request.tools
        else None,
        # Both would make requests of their own.
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        automatic_continuation=False,
    )


def _declaration(tool: Tool) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name=tool.name,
        description=tool.description,
        parameters_json_schema=dict(tool.parameters),
    )


def thinking(model: str) -> types.ThinkingConfig | None:
    """As little as the model allows: a caller hears it as silence. None where that is unknown."""
    name = model.removeprefix("models/")
    if name.startswith("gemini-2.5-flash"):
        return types.ThinkingConfig(thinking_budget=0)
    if name.startswith("gemini-3"):
        flash = "flash" in name
        return types.ThinkingConfig(
            thinking_level=types.ThinkingLevel.MINIMAL if flash else types.ThinkingLevel.LOW
        )
    return None


class GeminiAnswer:
    """Reads an answer chunk by chunk, or a whole one at once."""

    def __init__(self) -> None:
        self._usage: Usage | None = None
        self.finished = False

    def push(self, chunk: types.GenerateContentResponse) -> Iterator[Item]:
        if chunk.prompt_feedback and chunk.prompt_feedback.block_reason:
            raise LlmFailed("gemini blocked the question", "blocked")
        self._usage = _usage(chunk.usage_metadata) or self._usage
        for candidate in (chunk.candidates or ())[:1]:
            for part in (candidate.content and candidate.content.parts) or ():
                yield from _items(part)
            self._end(candidate.finish_reason)

    def _end(self, reason: types.FinishReason | None) -> None:
        if reason is None:
            return
        if kind := _ENDINGS.get(reason):
            raise LlmFailed(f"gemini ended an answer with {reason.value}", kind)
        self.finished = True

    def end(self) -> Iterator[Item]:
        """What is known only when the stream has ended."""
        if not self.finished:
            raise LlmFailed("gemini stopped in the middle of an answer", "cut")
        if self._usage:
            yield self._usage


def _items(part: types.Part) -> Iterator[Item]:
    if part.thought:
        return
    if part.text:
        yield Text(part.text)
    if call := part.function_call:
        if not call.name:
            raise LlmFailed("gemini called a tool without a name", "malformed")
        signature = part.thought_signature
        yield ToolCall(
            call.id or f"call_{uuid4().hex}",
            call.name,
            json.dumps(call.args or {}, ensure_ascii=False),
            base64.b64encode(signature).decode() if signature else None,
        )


def _usage(counted: types.GenerateContentResponseUsageMetadata | None) -> Usage | None:
    """Thoughts are paid for as the answer is."""
    if counted is None or counted.prompt_token_count is None:
        return None
    return Usage(
        counted.prompt_token_count,
        (counted.candidates_token_count or 0) + (counted.thoughts_token_count or 0),
        counted.cached_content_token_count or 0,
    )
