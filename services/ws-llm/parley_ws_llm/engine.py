"""What a language model is to a conversation."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from parley_kit.app import Component
from parley_kit.ws_chat import ChatMessage
from parley_kit.ws_protocol import Chat, Usage
from parley_kit.ws_tools import NamedTool, Tool, ToolCall


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of the answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The last item of every stream."""

    usage: Usage | None
    red_flag: str | None = None
    """The kind of emergency, where the answer is the fixed text for it."""


Item = Text | ToolCall | Finish


@dataclass(frozen=True, slots=True)
class Tools:
    """What the model may call in this answer."""

    tools: Sequence[Tool] = ()
    choice: Literal["auto", "none", "required"] | NamedTool | None = None

    @classmethod
    def of(cls, chat: Chat) -> "Tools":
        return cls(chat.tools or (), chat.tool_choice)


class ChatEngine(Component, Protocol):
    """Answers chats."""

    def chat(
        self, instructions: str, messages: Sequence[ChatMessage], tools: Tools
    ) -> AsyncGenerator[Item, None]:
        """Answer: at least one `Text` or `ToolCall`, calls after all text, then one `Finish`.

        Closing the generator, or cancelling its consumer, stops the model's work at once.

        Raises:
            UpstreamFailed: the model did not answer, or not to the end.
        """
