"""Chat completions on the wire: what is read, and the objects that are written.

Source: OpenAI's API reference for chat completions, as typed in its Python SDK 3.52.
Fields that are not named here are ignored, as at OpenAI. Those in `HARMLESS` are read by no one
on purpose: they shape sampling or bookkeeping, and an answer that ignores them is still right.
`logprobs` is among them: who asks for probabilities reads null, as there are none.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

HARMLESS = frozenset(
    {
        "frequency_penalty", "logit_bias", "logprobs", "metadata", "presence_penalty",
        "prompt_cache_key", "reasoning_effort", "safety_identifier", "seed", "service_tier",
        "store", "temperature", "top_logprobs", "top_p", "user", "verbosity",
    }
)  # fmt: skip


class Wire(BaseModel):
    """A body of a request, or a part of one."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class TextPart(Wire):
    """The only kind of content part that a text model reads."""

    type: Literal["text"]
    text: str


class FunctionCall(Wire):
    name: str
    arguments: str


class MessageToolCall(Wire):
    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


def _as_parts(content: object) -> object:
    """Content is a string or a list of parts; inside it is always a list."""
    if content is None:
        return []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


class Message(Wire):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[tuple[TextPart, ...], BeforeValidator(_as_parts)] = ()
    tool_calls: tuple[MessageToolCall, ...] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.content)


def _check_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    required = parameters.get("required", [])
    if not isinstance(parameters.get("properties", {}), dict):
        raise ValueError("properties must be an object")
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise ValueError("required must be a list of names")
    return parameters


class Function(Wire):
    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str = ""
    parameters: Annotated[dict[str, Any], AfterValidator(_check_parameters)] = Field(
        default_factory=dict
    )


class Tool(Wire):
    type: Literal["function"]
    function: Function


class NamedFunction(Wire):
    name: str


class NamedTool(Wire):
    type: Literal["function"]
    function: NamedFunction


Mode = Literal["auto", "required"]


class NamedTools(Wire):
    mode: Mode
    tools: tuple[NamedTool, ...] = Field(min_length=1)


class AllowedTools(Wire):
    """A choice among some of the tools."""

    type: Literal["allowed_tools"]
    allowed_tools: NamedTools


class StreamOptions(Wire):
    include_usage: bool = False


class JsonSchema(Wire):
    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    definition: dict[str, Any] = Field(alias="schema")


class ResponseFormat(Wire):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _schema_is_there(self) -> Self:
        if self.type == "json_schema" and self.json_schema is None:
            raise ValueError("json_schema is missing")
        return self


def as_list(value: object) -> object:
    """A text is a list of one, nothing a list of none."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


class ChatRequest(Wire):
    """The body of `POST /v1/chat/completions`."""

    model: str
    messages: tuple[Message, ...] = Field(min_length=1)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    stop: Annotated[tuple[str, ...], BeforeValidator(as_list), Field(max_length=4)] = ()
    n: int | None = Field(1, ge=1)
    tools: tuple[Tool, ...] | None = Field(None, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | NamedTool | AllowedTools | None = None
    parallel_tool_calls: bool | None = True
    response_format: ResponseFormat | None = None
    functions: None = Field(None, description="superseded by tools at OpenAI")
    function_call: None = None

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        if self.tool_choice not in (None, "none", "auto") and not self.tools:
            raise ValueError("tool_choice is only allowed when tools are given")
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options is only allowed when stream is true")
        return self

    @property
    def token_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def includes_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage
