"""What an LLM engine is to the routes."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, Protocol

from parley_kit.app import Component
from parley_llm.wire import ChatRequest

FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One whole call of a function; `arguments` is JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The last item of every stream."""

    reason: FinishReason
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    text: str
    calls: tuple[ToolCall, ...]
    finish: Finish


Item = Text | ToolCall | Finish


class LlmEngine(Component, Protocol):
    """Answers chats."""

    models: Sequence[str]
    """Ids that are served; the first is the engine's own, the others are aliases of it."""

    def chat(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        """Answer: pieces of text or tool calls, then one `Finish`.

        Closing the generator stops the work.

        Raises:
            ApiError: the engine cannot do what is asked; before the first item.
        """


async def whole(items: AsyncGenerator[Item, None]) -> Reply:
    """An answer once all of it is there.

    Raises:
        ApiError: whatever `items` raises.
    """
    text, calls = "", []
    async with aclosing(items):
        async for item in items:
            match item:
                case Text():
                    text += item.text
                case ToolCall():
                    calls.append(item)
                case Finish():
                    return Reply(text, tuple(calls), item)
    raise AssertionError("an engine's stream ends with Finish")
