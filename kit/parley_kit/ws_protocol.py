"""The WS-LLM protocol: JSON messages between a chat client and the assistant. Pure, no I/O.

A client that knows only the first four lines works as with the original proof of concept, byte
for byte; everything else is optional.

    client → server   chat {messages, id?,     server → client   delta {content}      0 or more,
                        tools?, tool_choice?}                    tool_call {call}     0 or more,
                      reset                                      complete {content, usage?} or
                      cancel {id?}                               error {message, code?} or
                      ping                                       cancelled          ends a chat
                      auth {token}                               reset_complete, pong, auth_ok

A chat with an `id` gets the same `id` on every reply to it, `usage` on `complete` and `code` on
`error`; one without gets exactly the fields of the original. docs/ws-protocol.md says the rest.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from parley_kit.ws_chat import ChatMessage, with_content
from parley_kit.ws_tools import MAX_TOOLS, Message, NamedTool, Text, Tool, ToolCall
from parley_kit.ws_tools import tool_choice as choice_of_tools

SUBPROTOCOL = "parley"
KEY_SUBPROTOCOL_PREFIX = "parley-key."
CLOSE_UNAUTHENTICATED = 4401
MAX_ID_CHARS = 128

M = TypeVar("M", bound=BaseModel)

_RESET_MESSAGE = "Conversation history cleared"
_SHOWN_CHARS = 64


Id: TypeAlias = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_ID_CHARS)]


class ProtocolError(Exception):
    """A message that the protocol does not allow; answered with `error`, the socket stays open."""

    def __init__(self, message: str, code: str, id: str | None = None) -> None:
        super().__init__(message)
        self.message, self.code, self.id = message, code, id


class _FromServer(Message):
    # A client of today understands what a server of tomorrow adds by ignoring it.
    model_config = ConfigDict(extra="ignore")


class Chat(Message):
    """Asks for an answer: to the newest message alone, or to the client's whole context.

    With `tools` the answer may be calls of them; the client's next chat brings their results.
    """

    type: Literal["chat"] = "chat"
    messages: Annotated[
        tuple[ChatMessage, ...], BeforeValidator(with_content), Field(validate_default=True)
    ] = ()
    tools: Annotated[tuple[Tool, ...], Field(min_length=1, max_length=MAX_TOOLS)] | None = None
    tool_choice: Annotated[
        Literal["auto", "none", "required"] | NamedTool | None, BeforeValidator(choice_of_tools)
    ] = None
    id: Id | None = None


class Reset(Message):
    """Forget the conversation."""

    type: Literal["reset"] = "reset"


class Cancel(Message):
    """Stop the chat with this id, or without one every chat of the connection."""

    type: Literal["cancel"] = "cancel"
    id: Id | None = None


class Ping(Message):
    """Answered with `Pong`, for clients that cannot send the frames of that name."""

    type: Literal["ping"] = "ping"


class Auth(Message):
    """The API key, where neither a header nor a subprotocol could carry it."""

    type: Literal["auth"] = "auth"
    token: Annotated[Text, Field(repr=False)]


class Usage(_FromServer):
    """Tokens as the upstream counted them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Delta(_FromServer):
    """The next piece of an answer."""

    type: Literal["delta"] = "delta"
    content: str
    id: str | None = None


class ToolCalled(_FromServer):
    """The model asks the client to call a tool; sent whole, after the last delta."""

    type: Literal["tool_call"] = "tool_call"
    call: ToolCall
    id: str | None = None


class Complete(_FromServer):
    """The end of an answer, and all of it."""

    type: Literal["complete"] = "complete"
    content: str
    usage: Usage | None = None
    red_flag: str | None = None
    """The kind of emergency that was answered with the fixed text; see the red-flag screen."""
    id: str | None = None


class Error(_FromServer):
    """The end of a chat that failed, or what is wrong with another message."""

    type: Literal["error"] = "error"
    message: str
    code: str | None = None
    id: str | None = None


class Cancelled(_FromServer):
    """The end of a chat that the client cancelled."""

    type: Literal["cancelled"] = "cancelled"
    id: str | None = None


class ResetComplete(_FromServer):
    type: Literal["reset_complete"] = "reset_complete"
    message: str = _RESET_MESSAGE


class Pong(_FromServer):
    type: Literal["pong"] = "pong"


class AuthOk(_FromServer):
    type: Literal["auth_ok"] = "auth_ok"


ClientMessage: TypeAlias = Chat | Reset | Cancel | Ping | Auth
ServerMessage: TypeAlias = (
    Delta | ToolCalled | Complete | Error | Cancelled | ResetComplete | Pong | AuthOk
)

_CLIENT: Mapping[str, type[ClientMessage]] = {
    "chat": Chat, "reset": Reset, "cancel": Cancel, "ping": Ping, "auth": Auth,
}  # fmt: skip
_SERVER: Mapping[str, type[ServerMessage]] = {
    "delta": Delta, "tool_call": ToolCalled, "complete": Complete, "error": Error,
    "cancelled": Cancelled,
    "reset_complete": ResetComplete, "pong": Pong, "auth_ok": AuthOk,
}  # fmt: skip


def encode(message: ClientMessage | ServerMessage) -> str:
    """The message on the wire: as the original wrote it, ASCII, absent fields left out."""
    return json.dumps(message.model_dump(exclude_none=True))


def parse_client(raw: str | bytes) -> ClientMessage:
    """What a client sent.

    Raises:
        ProtocolError: it is not a message of a client; carries the message's `id` if it has one.
    """
    return _parse(_CLIENT, raw)


def parse_server(raw: str | bytes) -> ServerMessage:
    """What a server sent.

    Raises:
        ProtocolError: it is not a message of a server.
    """
    return _parse(_SERVER, raw)


def _parse(models: Mapping[str, type[M]], raw: str | bytes) -> M:
    data = _object(raw)
    kind = data.get("type")
    model = models.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise ProtocolError(f"Unknown message type: {_shown(kind)}", "unknown_type", _id_of(data))
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        raise _protocol_error(exc.errors(include_input=False)[0], data) from None


def _object(raw: str | bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw, parse_constant=_not_a_number)
    except (ValueError, RecursionError):  # also bytes that are no UTF-8, and 5000-digit numbers
        raise ProtocolError("Invalid JSON format", "invalid_json") from None
    if not isinstance(data, dict):
        raise ProtocolError("A message must be a JSON object", "invalid_message")
    return data


def _not_a_number(constant: str) -> object:
    raise ValueError(constant)


def _shown(kind: object) -> str:
    """A type as the original showed it, cut to a sane length."""
    return type(kind).__name__ if isinstance(kind, dict | list) else str(kind)[:_SHOWN_CHARS]


def _id_of(data: Mapping[str, Any]) -> str | None:
    given = data.get("id")
    return given if isinstance(given, str) and 0 < len(given) <= MAX_ID_CHARS else None


def _protocol_error(error: ErrorDetails, data: Mapping[str, Any]) -> ProtocolError:
    """The first thing that is wrong, by the field's name and never with its value."""
    if error["type"] in ("no_messages", "role_not_allowed"):
        return ProtocolError(error["msg"], error["type"], _id_of(data))
    message = f"Invalid value for '{_path(error['loc'])}': {error['msg']}"
    return ProtocolError(message, "invalid_message", _id_of(data))


def _path(loc: Sequence[int | str]) -> str:
    path = ""
    for part in loc:
        name = str(part)[:_SHOWN_CHARS]
        path += f"[{name}]" if isinstance(part, int) else f".{name}" if path else name
    return path
