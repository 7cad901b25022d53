"""The contract of a transport: one way to reach a language model."""

from collections.abc import AsyncGenerator, Mapping
from typing import Literal, Protocol, TypeAlias

from parley_orchestrator.llm.chat import ChatRequest, Item
from parley_orchestrator.llm.config import LlmConfig

Api: TypeAlias = Literal["REST", "Realtime WebSocket", "WebSocket"]

APIS: Mapping[str, Api] = {
    "gemini": "REST",
    "qwen": "REST",
    "rest": "REST",
    "realtime": "Realtime WebSocket",
    "ws": "WebSocket",
}
"""Of every transport, by its name."""


class Transport(Protocol):
    """Usable without a LiveKit room; one event loop, any number of answers at a time."""

    @property
    def name(self) -> str:
        """As in `LLM_CHAIN`."""

    @property
    def api(self) -> Api:
        """What the admin page shows."""

    @property
    def config(self) -> LlmConfig: ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        """Answer. Closing the generator early stops the model; nothing is retried here.

        The first useful item (text or a tool call) comes within `first_token_timeout_s` and any
        other within `stall_timeout_s` of the one before, or it fails with kind `timeout`. An
        answer without text and without a tool call fails with `empty`, one that breaks off with
        `cut`; a tool call whose arguments are no JSON object is `malformed`.

        Raises:
            LlmFailed: see `FailureKind`; before the first item or after any.
        """

    async def warm(self) -> None:
        """Open a connection, so that the first question does not wait for it; costs no tokens.

        Raises:
            LlmFailed: there is nobody.
        """

    async def close(self) -> None:
        """Give back every connection."""
