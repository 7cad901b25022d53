"""The arguments of a tool call as a model wrote them: a JSON object, or the call is no use."""

import json

from parley_orchestrator.errors import LlmFailed


def json_object(arguments: str, model: str) -> str:
    """`arguments` as they are; empty ones are `{}`.

    Args:
        model: who wrote them, for the log.

    Raises:
        LlmFailed: `malformed` if they are no JSON object.
    """
    text = arguments.strip() or "{}"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        # The parser's own error quotes the conversation.
        raise LlmFailed(f"{model} called a tool with no JSON object", "malformed")
    return text
