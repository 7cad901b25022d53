"""Conversations in the WS-LLM protocol: who said what, and what of it counts. Pure."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from parley_kit.ws_tools import Message, Text, ToolCall

# Clients keep these beside a message for themselves; an answer that ignores them is still right.
HARMLESS_MESSAGE_FIELDS = frozenset({"id", "name", "timestamp"})


def _role(role: object) -> object:
    if role in ("system", "developer"):
        raise PydanticCustomError(
            "role_not_allowed", "Messages of role system or developer are not allowed"
        )
    return role


def _of_assistant(calls: object, info: ValidationInfo) -> object:
    if calls is not None and info.data.get("role") != "assistant":
        raise PydanticCustomError("not_allowed", "Only an assistant's message has tool calls")
    return calls


def _of_tool(call_id: object, info: ValidationInfo) -> object:
    if (call_id is not None) != (info.data.get("role") == "tool"):
        raise PydanticCustomError("not_allowed", "A tool's message has one, and no other has")
    return call_id


class ChatMessage(Message):
    """One message of a conversation; the assistant's instructions are the server's own."""

    role: Annotated[Literal["user", "assistant", "tool"], BeforeValidator(_role)]
    content: Annotated[Text, BeforeValidator(lambda text: "" if text is None else text)] = ""
    tool_calls: Annotated[
        Annotated[tuple[ToolCall, ...], Field(min_length=1)] | None, BeforeValidator(_of_assistant)
    ] = None
    tool_call_id: Annotated[
        Text | None, BeforeValidator(_of_tool), Field(validate_default=True)
    ] = None


def with_content(messages: object) -> object:
    """Messages as the original read them: those without content are skipped."""
    if not isinstance(messages, list):
        return messages or _no_messages()
    kept = [_without_harmless(message) for message in messages if _has_content(message)]
    return kept or _no_messages()


def _no_messages() -> object:
    raise PydanticCustomError("no_messages", "No messages provided")


def _has_content(message: object) -> bool:
    if not isinstance(message, dict):
        return True
    said = message.get("content", "") not in ("", None)
    return said or bool(message.get("tool_calls")) or message.get("role") == "tool"


def _without_harmless(message: object) -> object:
    if not isinstance(message, dict):
        return message
    return {key: value for key, value in message.items() if key not in HARMLESS_MESSAGE_FIELDS}
