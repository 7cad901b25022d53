"""Tools in the WS-LLM protocol, in OpenAI's shape: what may be called, and what was. Pure."""

import json
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

MAX_TOOLS = 128


def _well_formed(text: str) -> str:
    """JSON can spell half a surrogate pair, which no encoding can write again."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("malformed_text", "Text must be valid Unicode") from None
    return text


Text: TypeAlias = Annotated[str, StringConstraints(strict=True), AfterValidator(_well_formed)]


class Message(BaseModel):
    """A message or a part of one; what is not named is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class FunctionCall(Message):
    """What the model wants to have called; `arguments` is JSON as the model wrote it."""

    name: Annotated[Text, StringConstraints(min_length=1)]
    arguments: Text


class ToolCall(Message):
    """One call of a tool, in OpenAI's shape."""

    id: Annotated[Text, StringConstraints(min_length=1)]
    type: Literal["function"] = "function"
    function: FunctionCall


def _writable(schema: dict[str, Any]) -> dict[str, Any]:
    """JSON can also spell numbers beyond all numbers."""
    try:
        _well_formed(json.dumps(schema, ensure_ascii=False, allow_nan=False))
    except ValueError:
        raise PydanticCustomError("malformed_number", "Numbers must be finite") from None
    return schema


class Function(Message):
    """A function that the model may ask to have called."""

    name: Annotated[Text, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: Text | None = None
    parameters: Annotated[dict[str, Any], AfterValidator(_writable)] | None = None
    strict: Annotated[bool, Field(strict=True)] | None = None


class Tool(Message):
    """A tool, in OpenAI's shape."""

    type: Literal["function"]
    function: Function


class FunctionName(Message):
    name: Text


class NamedTool(Message):
    """The one tool that the model has to call."""

    type: Literal["function"]
    function: FunctionName


def tool_choice(choice: object, info: ValidationInfo) -> object:
    """Validates the field `tool_choice` of what has a field `tools`."""
    if choice is None or choice in ("auto", "none", "required") or isinstance(choice, NamedTool):
        chosen = choice
    else:
        chosen = _named_tool(choice)
    if chosen is not None and not info.data.get("tools"):
        raise PydanticCustomError("not_allowed", "There are no tools to choose from")
    return chosen


def _named_tool(choice: object) -> NamedTool:
    """One error for all that is wrong: those of a union name its members."""
    try:
        return NamedTool.model_validate(choice)
    except ValidationError:
        raise PydanticCustomError(
            "tool_choice", "Must be 'auto', 'none', 'required' or name a function"
        ) from None
