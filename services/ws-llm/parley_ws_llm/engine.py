"""What a language model is to a conversation."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from parley_kit.app import Component
from parley_kit.ws_protocol import ChatMessage, Usage


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of the answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The last item of every stream."""

    usage: Usage | None


Item = Text | Finish


class ChatEngine(Component, Protocol):
    """Answers chats."""

    def chat(
        self, instructions: str, messages: Sequence[ChatMessage]
    ) -> AsyncGenerator[Item, None]:
        """Answer: at least one `Text`, then one `Finish`.

        Closing the generator, or cancelling its consumer, stops the model's work at once.

        Raises:
            UpstreamFailed: the model did not answer, or not to the end.
        """
