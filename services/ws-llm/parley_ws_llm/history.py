"""What the assistant remembers of one connection. Pure.

Two kinds of client are served. One sends only what is new and relies on this memory: a chat of a
single user message, or of results of the tools that were called last, is appended. The other
sends its whole context each time: any other chat replaces what was remembered, so that nothing
is there twice.

Memory changes only when a turn ends, and by the whole turn. A turn that failed leaves nothing
behind, so that the client may simply try again. A turn that the client cancelled keeps the text
that had been sent, because that is what the user heard; if none had, it leaves nothing either.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from parley_kit.errors import InvalidRequest
from parley_kit.ws_chat import ChatMessage
from parley_kit.ws_tools import ToolCall
from parley_ws_llm.tokens import tokens_of
from parley_ws_llm.tool_results import settled

Messages = tuple[ChatMessage, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question on its way to an answer."""

    context: Messages
    """What the model reads, oldest first."""
    asked: Messages
    replaces: bool
    era: int


class History:
    """The turns of one connection, at most `max_turns` of them and about `max_tokens` tokens."""

    def __init__(self, max_turns: int, max_tokens: int) -> None:
        self._max_turns = max_turns
        self._max_tokens = max_tokens
        self._messages: Messages = ()
        self._era = 0

    @property
    def messages(self) -> Messages:
        return self._messages

    def begin(self, asked: Messages, reserved_tokens: int = 0) -> Turn:
        """A turn that sees what is remembered now.

        Args:
            reserved_tokens: what else the model has to read, such as the tools.

        Raises:
            InvalidRequest: the newest turn alone exceeds `max_tokens`, or a result is of a tool
                that was not called.
        """
        replaces = not adds(asked)
        context = settled(asked if replaces else (*self._messages, *asked))
        room = self._max_tokens - reserved_tokens
        newest = context[turn_starts(context)[-1] :]
        if sum(map(tokens_of, newest)) > room:
            raise InvalidRequest(
                f"The message is too long: at most about {self._max_tokens} tokens are allowed.",
                param="messages",
                code="context_too_long",
            )
        return Turn(trim(context, self._max_turns, room), asked, replaces, self._era)

    def end(self, turn: Turn, answer: str, calls: Sequence[ToolCall] = ()) -> None:
        """Remember a turn and its answer, unless there is none or memory was cleared since."""
        if not (answer or calls) or turn.era != self._era:
            return
        before = () if turn.replaces else self._messages
        said = ChatMessage(role="assistant", content=answer, tool_calls=tuple(calls) or None)
        self._messages = trim((*before, *turn.asked, said), self._max_turns, self._max_tokens)

    def clear(self) -> None:
        """Forget everything, also the turns that are under way."""
        self._messages = ()
        self._era += 1


def adds(asked: Messages) -> bool:
    """Whether a chat goes on from what is remembered, instead of replacing it."""
    newest_alone = len(asked) == 1 and asked[0].role == "user"
    return newest_alone or all(message.role == "tool" for message in asked)


def newest_question(asked: Messages) -> str:
    """What the user said last: the messages since the assistant last answered."""
    end = len(asked)
    while end and asked[end - 1].role != "user":
        end -= 1
    start = end
    while start and asked[start - 1].role == "user":
        start -= 1
    return "\n".join(message.content for message in asked[start:end])


def trim(messages: Messages, max_turns: int, max_tokens: int) -> Messages:
    """The newest whole turns within both limits; the newest turn stays whatever its size.

    A turn begins with what a user said; messages before the first of these are a turn too.
    """
    starts = turn_starts(messages)
    first = len(starts) - 1
    tokens = 0
    for number in range(len(starts) - 1, -1, -1):
        end = starts[number + 1] if number + 1 < len(starts) else len(messages)
        tokens += sum(map(tokens_of, messages[starts[number] : end]))
        if number < len(starts) - 1 and (tokens > max_tokens or len(starts) - number > max_turns):
            break
        first = number
    return messages[starts[first] :] if starts else ()


def turn_starts(messages: Sequence[ChatMessage]) -> list[int]:
    """The index of each turn's first message."""
    return [i for i, message in enumerate(messages) if message.role == "user" or i == 0]
