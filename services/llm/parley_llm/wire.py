"""Chat completions on the wire: what is read, and the objects that are written.

Source: OpenAI's API reference for chat completions, as typed in its Python SDK 3.52.
Fields that are not named here are ignored, as at OpenAI. Those in `HARMLESS` are read by no one
on purpose: they shape sampling or bookkeeping, and an answer that ignores them is still right.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

HARMLESS = frozenset(
    {
        "frequency_penalty", "logit_bias", "metadata", "parallel_tool_calls", "presence_penalty",
        "prompt_cache_key", "reasoning_effort", "safety_identifier", "seed", "service_tier",
        "store", "temperature", "top_p", "user", "verbosity",
    }
)  # fmt: skip


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class TextPart(_Wire):
    """The only kind of content part that a text model reads."""

    type: Literal["text"]
    text: str


class FunctionCall(_Wire):
    name: str
    arguments: str


class MessageToolCall(_Wire):
    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


def _as_parts(content: object) -> object:
    """Content is a string or a list of parts; inside it is always a list."""
    if content is None:
        return []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


class Message(_Wire):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[tuple[TextPart, ...], BeforeValidator(_as_parts)] = ()
    tool_calls: tuple[MessageToolCall, ...] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.content)


class Function(_Wire):
    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)


class Tool(_Wire):
    type: Literal["function"]
    function: Function


class NamedFunction(_Wire):
    name: str


class NamedTool(_Wire):
    type: Literal["function"]
    function: NamedFunction


class StreamOptions(_Wire):
    include_usage: bool = False


class ResponseFormat(_Wire):
    type: Literal["text", "json_object", "json_schema"]


def _as_list(stop: object) -> object:
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else stop


class ChatRequest(_Wire):
    """The body of `POST /v1/chat/completions`."""

    model: str
    messages: tuple[Message, ...] = Field(min_length=1)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    stop: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(max_length=4)] = ()
    n: int | None = Field(1, ge=1, le=1)
    tools: tuple[Tool, ...] | None = Field(None, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    response_format: ResponseFormat | None = None
    logprobs: Literal[False] | None = None

    @model_validator(mode="after")
    def _choice_needs_tools(self) -> Self:
        if self.tool_choice not in (None, "none", "auto") and not self.tools:
            raise ValueError("tool_choice is only allowed when tools are given")
        return self

    @property
    def token_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def includes_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


class Writer:
    """Writes the objects of one reply, which share id, time and model."""

    def __init__(self, reply_id: str, created: int, model: str) -> None:
        self._id, self._created, self._model = reply_id, created, model

    def completion(
        self,
        text: str,
        calls: list[dict[str, object]],
        finish_reason: str,
        usage: dict[str, int],
    ) -> dict[str, object]:
        """A whole reply."""
        message: dict[str, object] = {"role": "assistant", "content": text or None, "refusal": None}
        if calls:
            message["tool_calls"] = calls
        else:
            message["content"] = text
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": finish_reason,
            "logprobs": None,
        }
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage}

    def chunk(
        self, delta: dict[str, object], finish_reason: str | None = None
    ) -> dict[str, object]:
        """One event of a streamed reply."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def usage_chunk(self, usage: dict[str, int]) -> dict[str, object]:
        """The event before `[DONE]` when usage was asked for."""
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": usage}

    def _head(self, kind: str) -> dict[str, object]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
        }


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def tool_call(call_id: str, name: str, arguments: str) -> dict[str, object]:
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
