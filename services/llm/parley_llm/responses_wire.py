"""`POST /v1/responses` on the wire: what is read, and how it is a chat.

Source: OpenAI's API reference for responses, as typed in its Python SDK 3.52. Nothing is stored,
so what refers to something stored is refused; `store` itself is harmless.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from parley_llm.wire import ChatRequest, Function, Mode, Wire, as_list


class Part(Wire):
    """Text, whoever wrote it."""

    type: Literal["input_text", "output_text", "text"]
    text: str


def _as_parts(content: object) -> object:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


Parts = Annotated[tuple[Part, ...], BeforeValidator(_as_parts)]


class MessageItem(Wire):
    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Parts

    def as_message(self) -> dict[str, Any]:
        return {"role": self.role, "content": text_of(self.content)}


class CallItem(Wire):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str

    def as_message(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": self.arguments}
        return {"role": "assistant", "tool_calls": [{"id": self.call_id, "function": function}]}


class ResultItem(Wire):
    type: Literal["function_call_output"]
    call_id: str
    output: Parts

    def as_message(self) -> dict[str, Any]:
        return {"role": "tool", "tool_call_id": self.call_id, "content": text_of(self.output)}


def _with_type(item: object) -> object:
    """Messages may leave their type out."""
    if isinstance(item, dict) and "type" not in item:
        return {**item, "type": "message"}
    return item


Item = Annotated[
    Annotated[MessageItem | CallItem | ResultItem, Field(discriminator="type")],
    BeforeValidator(_with_type),
]


def _as_items(given: object) -> object:
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


class ResponseTool(Function):
    """A function, without the envelope that chats have around it."""

    type: Literal["function"]


class NamedChoice(Wire):
    type: Literal["function"]
    name: str


class AllowedChoice(Wire):
    type: Literal["allowed_tools"]
    mode: Mode
    tools: tuple[NamedChoice, ...] = Field(min_length=1)


class Format(Wire):
    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    definition: dict[str, Any] | None = Field(None, alias="schema")


class TextOptions(Wire):
    format: Format = Field(default_factory=Format)


class ResponseRequest(Wire):
    """The body of `POST /v1/responses`; what is not named here is ignored."""

    model: str
    input: Annotated[tuple[Item, ...], BeforeValidator(_as_items), Field(min_length=1)]
    instructions: str | None = None
    max_output_tokens: int | None = Field(None, ge=1)
    stream: bool | None = False
    tools: Annotated[tuple[ResponseTool, ...], BeforeValidator(as_list)] = Field((), max_length=128)
    tool_choice: Literal["none", "auto", "required"] | NamedChoice | AllowedChoice | None = None
    parallel_tool_calls: bool | None = True
    text: TextOptions | None = None
    metadata: dict[str, str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    previous_response_id: None = None
    conversation: None = None
    prompt: None = None
    background: Literal[False] | None = None

    @model_validator(mode="after")
    def _choice_needs_tools(self) -> Self:
        if self.tool_choice not in (None, "none", "auto") and not self.tools:
            raise ValueError("tool_choice is only allowed when tools are given")
        return self

    @property
    def format(self) -> Format:
        return self.text.format if self.text is not None else Format()

    def as_chat(self) -> ChatRequest:
        """The chat that asks the same.

        Raises:
            pydantic.ValidationError: a chat could not ask for it either.
        """
        instructions = [] if self.instructions is None else [_system(self.instructions)]
        return ChatRequest.model_validate(
            {
                "model": self.model,
                "messages": [*instructions, *(item.as_message() for item in self.input)],
                "max_completion_tokens": self.max_output_tokens,
                "tools": [_chat_tool(tool) for tool in self.tools] or None,
                "tool_choice": _chat_choice(self.tool_choice),
                "parallel_tool_calls": self.parallel_tool_calls,
                "response_format": _chat_format(self.format),
            }
        )


def text_of(parts: tuple[Part, ...]) -> str:
    return "".join(part.text for part in parts)


def _system(instructions: str) -> dict[str, Any]:
    return {"role": "system", "content": instructions}


def _chat_tool(tool: ResponseTool) -> dict[str, Any]:
    return {"type": "function", "function": tool.model_dump(exclude={"type"})}


def _chat_choice(choice: str | NamedChoice | AllowedChoice | None) -> object:
    match choice:
        case NamedChoice():
            return _named(choice)
        case AllowedChoice():
            allowed = {"mode": choice.mode, "tools": [_named(tool) for tool in choice.tools]}
            return {"type": "allowed_tools", "allowed_tools": allowed}
    return choice


def _named(choice: NamedChoice) -> dict[str, Any]:
    return {"type": "function", "function": {"name": choice.name}}


def _chat_format(wanted: Format) -> dict[str, Any]:
    if wanted.type != "json_schema":
        return {"type": wanted.type}
    schema = {"name": wanted.name, "schema": wanted.definition}
    return {"type": "json_schema", "json_schema": schema}
