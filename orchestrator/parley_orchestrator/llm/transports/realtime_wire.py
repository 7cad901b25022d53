"""OpenAI's Realtime API in text mode: what is sent, in either dialect. Pure.

The dialects are that of the generally available API and that of the beta, which OpenAI has
switched off and other servers still speak. They differ in how things are named.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from parley_orchestrator.llm.chat import ChatRequest, Entry, Said, Tool, ToolCall
from parley_orchestrator.llm.config import LlmConfig

Dialect: TypeAlias = Literal["ga", "beta"]
Json: TypeAlias = dict[str, Any]

OTHER: Mapping[Dialect, Dialect] = {"ga": "beta", "beta": "ga"}
BETA_HEADER = {"OpenAI-Beta": "realtime=v1"}
CLOSE_WRONG_DIALECT = 4000

_MAX_OUTPUT_TOKENS = 4096
_BETA_TEMPERATURES = (0.6, 1.2)
_MAX_ID_CHARS = 32


def session_update(dialect: Dialect) -> Json:
    """Asks for text; everything else comes with each question."""
    if dialect == "ga":
        return {
            "type": "session.update",
            "session": {"type": "realtime", "output_modalities": ["text"]},
        }
    return {"type": "session.update", "session": {"modalities": ["text"]}}


def response_create(
    dialect: Dialect, request: ChatRequest, config: LlmConfig, event_id: str
) -> Json:
    """A question out of band: the whole conversation, of which the session remembers nothing.

    Args:
        request: as `prepared` returns it.
    """
    response: Json = {
        "conversation": "none",
        "input": [_item(entry, dialect) for entry in request.entries],
        **(_options_ga(config) if dialect == "ga" else _options_beta(config)),
    }
    if request.instructions:
        response["instructions"] = request.instructions
    if request.tools:
        response["tools"] = [_tool(tool) for tool in request.tools]
        response["tool_choice"] = request.tool_choice
    return {"type": "response.create", "event_id": event_id, "response": response}


def response_cancel(response_id: str) -> Json:
    return {"type": "response.cancel", "response_id": response_id}


def _options_ga(config: LlmConfig) -> Json:
    options: Json = {"output_modalities": ["text"]}
    if config.max_tokens is not None:
        options["max_output_tokens"] = min(config.max_tokens, _MAX_OUTPUT_TOKENS)
    return options


def _options_beta(config: LlmConfig) -> Json:
    options: Json = {"modalities": ["text"]}
    if config.max_tokens is not None:
        options["max_response_output_tokens"] = min(config.max_tokens, _MAX_OUTPUT_TOKENS)
    if config.temperature is not None:
        lowest, highest = _BETA_TEMPERATURES
        options["temperature"] = min(max(config.temperature, lowest), highest)
    return options


def _item(entry: Entry, dialect: Dialect) -> Json:
    if isinstance(entry, Said):
        written = "output_text" if dialect == "ga" else "text"
        part = "input_text" if entry.role == "user" else written
        content = [{"type": part, "text": entry.text}]
        return {"type": "message", "role": entry.role, "content": content}
    if isinstance(entry, ToolCall):
        return {
            "type": "function_call",
            "call_id": _short(entry.id),
            "name": entry.name,
            "arguments": entry.arguments,
        }
    return {
        "type": "function_call_output",
        "call_id": _short(entry.call_id),
        "output": entry.output,
    }


def _short(call_id: str) -> str:
    """Other models' ids may be longer than this API takes."""
    if len(call_id) <= _MAX_ID_CHARS:
        return call_id
    return hashlib.sha256(call_id.encode()).hexdigest()[:_MAX_ID_CHARS]


def _tool(tool: Tool) -> Json:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
