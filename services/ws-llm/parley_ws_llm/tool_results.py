"""Calls of tools and their results, matched. Pure.

Models insist that every call is answered before anybody goes on, and that every answer has a call.
"""

from collections.abc import Iterable, Iterator

from parley_kit.errors import InvalidRequest
from parley_kit.ws_chat import ChatMessage


def settled(messages: Iterable[ChatMessage]) -> tuple[ChatMessage, ...]:
    """The messages without the calls that nobody answered: the user spoke on, or the call broke.

    Raises:
        InvalidRequest: a result whose call is not in the message of the assistant before it.
    """
    return tuple(message for group in _groups(messages) for message in _settled(group))


def _groups(messages: Iterable[ChatMessage]) -> Iterator[list[ChatMessage]]:
    """Each message with the results that follow it."""
    group: list[ChatMessage] = []
    for message in messages:
        if message.role != "tool" and group:
            yield group
            group = []
        group.append(message)
    if group:
        yield group


def _settled(group: list[ChatMessage]) -> Iterator[ChatMessage]:
    head, results = group[0], group[1:]
    calls = head.tool_calls or ()
    answered = [result.tool_call_id for result in results]
    if (
        head.role == "tool"
        or len(set(answered)) < len(answered)
        or not {*answered} <= {call.id for call in calls}
    ):
        raise InvalidRequest(
            "A tool's message must follow the call that it answers, once.",
            param="messages",
            code="unknown_tool_call",
        )
    kept = tuple(call for call in calls if call.id in answered)
    if kept or head.content or head.role == "user":
        yield head.model_copy(update={"tool_calls": kept or None})
    yield from results
