"""How many tokens a model will make of a message, about. Pure.

A token of English is about four bytes, one of most other scripts no more than three; a model's
own count would need its tokenizer, and the limit need not be exact.
"""

from collections.abc import Sequence

from parley_kit.ws_chat import ChatMessage
from parley_kit.ws_tools import Tool

_BYTES = 4
_AROUND = 4
"""What a chat template puts around each message."""


def tokens_of(message: ChatMessage) -> int:
    calls = message.tool_calls or ()
    return _AROUND + _tokens(message.content) + sum(_tokens(c.model_dump_json()) for c in calls)


def tokens_of_tools(tools: Sequence[Tool]) -> int:
    return sum(_tokens(tool.model_dump_json(exclude_none=True)) for tool in tools)


def _tokens(text: str) -> int:
    return -(-len(text.encode()) // _BYTES)
