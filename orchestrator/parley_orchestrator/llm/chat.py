"""A conversation and its answer as every transport understands them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Role: TypeAlias = Literal["user", "assistant"]
ToolChoice: TypeAlias = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class Said:
    """What one side said."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called.

    Args:
        arguments: a JSON object, as text.
        signature: Gemini's thought signature, base64; of another model's call None.
    """

    id: str
    name: str
    arguments: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a function returned."""

    call_id: str
    name: str
    output: str
    is_error: bool = False


Entry: TypeAlias = Said | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call.

    Args:
        parameters: JSON Schema of an object.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a model: the whole conversation, oldest first.

    Args:
        instructions: the system prompt; empty for the one that is configured.
        tools: None for those that are configured.
    """

    entries: tuple[Entry, ...]
    instructions: str = ""
    tools: tuple[Tool, ...] | None = None
    tool_choice: ToolChoice = "auto"


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of an answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


Item: TypeAlias = Text | ToolCall | Usage
"""What an answer is made of: text in pieces, tool calls whole, usage at the end if it is known."""
