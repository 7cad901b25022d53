"""The WS-LLM protocol as this client uses it: a request as a chat, and replies as items. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError

from parley_kit.ws_chat import ChatMessage
from parley_kit.ws_protocol import (
    Cancelled,
    Chat,
    Complete,
    Delta,
    Error,
    ServerMessage,
    ToolCalled,
    encode,
)
from parley_kit.ws_protocol import Usage as Counted
from parley_kit.ws_tools import Function, FunctionCall
from parley_kit.ws_tools import Tool as WireTool
from parley_kit.ws_tools import ToolCall as WireCall
from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chat import (
    ChatRequest,
    Entry,
    Item,
    Said,
    Text,
    Tool,
    ToolCall,
    Usage,
)
from parley_orchestrator.llm.history import latest_turns
from parley_orchestrator.llm.tool_arguments import json_object

MAX_MESSAGE_BYTES = 60_000
"""Under the service's own limit, whose price is the socket, and with it everybody's answers."""

_KINDS: Mapping[str, FailureKind] = {
    "invalid_api_key": "auth",
    "too_many_in_flight": "rate_limited",
    "rate_limit_exceeded": "rate_limited",
    "upstream_busy": "rate_limited",
    "overloaded": "rate_limited",
    "upstream_timeout": "timeout",
    "deadline_exceeded": "timeout",
    "upstream_cut": "cut",
    "upstream_empty": "empty",
    "invalid_json": "refused",
    "invalid_message": "refused",
    "unknown_type": "refused",
    "no_messages": "refused",
    "role_not_allowed": "refused",
    "context_too_long": "refused",
    "unknown_tool_call": "refused",
    "duplicate_id": "refused",
}
"""Of an error's code; any other is the server's fault."""


def chat_of(request: ChatRequest, chat_id: str) -> Chat:
    """The chat, without the oldest turns where all of them are too large.

    Args:
        request: as `prepared` returns it. Its instructions are left out, see `ws`.

    Raises:
        LlmFailed: `refused` if the newest turn alone is too large, or the protocol has no way to
            say something, such as a tool's name.
    """
    try:
        chat = _chat(request.entries, request, chat_id)
        turns = sum(message.role == "user" for message in chat.messages)
        while len(encode(chat)) > MAX_MESSAGE_BYTES and turns > 1:
            turns -= 1
            chat = _chat(latest_turns(request.entries, turns), request, chat_id)
    except ValidationError:
        # Its text may quote the conversation.
        raise LlmFailed("the question cannot be put to ws", "refused") from None
    if len(encode(chat)) > MAX_MESSAGE_BYTES:
        raise LlmFailed("the newest turn is larger than ws takes", "refused")
    return chat


def adds_to_memory(chat: Chat) -> bool:
    """Whether it is answered in what was said on the connection before: in another's call."""
    return len(chat.messages) == 1


def _chat(entries: Sequence[Entry], request: ChatRequest, chat_id: str) -> Chat:
    tools = tuple(map(_tool, request.tools or ())) or None
    return Chat(
        messages=tuple(_messages(entries)),
        tools=tools,
        tool_choice=request.tool_choice if tools else None,
        id=chat_id,
    )


def _messages(entries: Iterable[Entry]) -> Iterator[ChatMessage]:
    """What was said, and its calls, are one message of the assistant's."""
    said = ""
    calls: list[WireCall] = []
    for entry in entries:
        if isinstance(entry, ToolCall):
            calls.append(_call(entry))
            continue
        if calls or said:
            yield _assistant(said, calls)
            said, calls = "", []
        if isinstance(entry, Said) and entry.role == "assistant":
            said = entry.text
        elif isinstance(entry, Said):
            yield ChatMessage(role="user", content=entry.text)
        else:
            yield ChatMessage(role="tool", content=entry.output, tool_call_id=entry.call_id)
    if calls or said:
        yield _assistant(said, calls)


def _assistant(said: str, calls: list[WireCall]) -> ChatMessage:
    return ChatMessage(role="assistant", content=said, tool_calls=tuple(calls) or None)


def _call(call: ToolCall) -> WireCall:
    return WireCall(id=call.id, function=FunctionCall(name=call.name, arguments=call.arguments))


def _tool(tool: Tool) -> WireTool:
    function = Function(
        name=tool.name, description=tool.description, parameters=dict(tool.parameters)
    )
    return WireTool(type="function", function=function)


class WsAnswer:
    """Reads one answer reply by reply.

    Args:
        model: who answers, for the log.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._said = ""

    def push(self, reply: ServerMessage) -> Iterator[Item]:
        """
        Raises:
            LlmFailed: the answer failed, or is not whole.
        """
        match reply:
            case Delta():
                self._said += reply.content
                yield Text(reply.content)
            case ToolCalled(call=call):
                arguments = json_object(call.function.arguments, self._model)
                yield ToolCall(call.id, call.function.name, arguments)
            case Complete():
                yield from self._complete(reply)
            case Error():
                raise LlmFailed(f"{self._model} sent an error", error_kind(reply.code))
            case Cancelled():
                raise LlmFailed(f"{self._model} left an answer cancelled", "cut")

    def _complete(self, reply: Complete) -> Iterator[Item]:
        """`complete` has all of the text again: what did not come in pieces is its end."""
        if not reply.content.startswith(self._said):
            raise LlmFailed(f"{self._model} said one thing and completed another", "malformed")
        yield Text(reply.content[len(self._said) :])
        if reply.usage:
            yield _counted(reply.usage)


def error_kind(code: str | None) -> FailureKind:
    """What an error's code means."""
    return _KINDS.get(code or "", "server")


def _counted(usage: Counted) -> Usage:
    return Usage(usage.prompt_tokens, usage.completion_tokens)
