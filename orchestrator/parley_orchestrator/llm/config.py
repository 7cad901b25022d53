"""What every transport is configured with, from the environment or from code."""

from dataclasses import dataclass, field

from parley_orchestrator.llm.chat import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmConfig:
    """
    Args:
        base_url: without the path that a transport adds (`/chat/completions`, `/realtime`); of
            Gemini empty for Google's own.
        organization: OpenAI's; sent if it is not empty.
        instructions: the system prompt of requests that bring none.
        tools: of requests that bring none.
        max_turns: how many of the latest turns (a user's message and all that follows it) are
            sent; the instructions always are.
        stream: whether text is wanted as it is made; if not, it comes in one piece.
        first_token_timeout_s: until the first piece of text or the first tool call.
        stall_timeout_s: between two pieces.
        max_retries: how often a chain asks again in one turn before it fails over.

    Raises:
        ValueError: `max_turns` is less than 1.
    """

    model: str
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    organization: str = ""
    instructions: str = field(default="", repr=False)
    tools: tuple[Tool, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    max_turns: int = 32
    stream: bool = True
    connect_timeout_s: float = 5.0
    first_token_timeout_s: float = 10.0
    stall_timeout_s: float = 10.0
    max_retries: int = 2

    def __post_init__(self) -> None:
        if self.max_turns < 1:
            raise ValueError("max_turns: at least 1")
