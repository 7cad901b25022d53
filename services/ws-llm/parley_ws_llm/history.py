"""What the assistant remembers of one connection. Pure.

Two kinds of client are served. One sends only what the user said last and relies on this memory:
a chat of a single user message is appended. The other sends its whole context each time: any
other chat replaces what was remembered, so that nothing is there twice.

Memory changes only when a turn ends, and by the whole turn. A turn that failed leaves nothing
behind, so that the client may simply try again. A turn that the client cancelled keeps the text
that had been sent, because that is what the user heard; if none had, it leaves nothing either.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from parley_kit.errors import InvalidRequest
from parley_kit.ws_protocol import ChatMessage

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
    """The turns of one connection, at most `max_turns` of them and `max_chars` characters."""

    def __init__(self, max_turns: int, max_chars: int) -> None:
        self._max_turns = max_turns
        self._max_chars = max_chars
        self._messages: Messages = ()
        self._era = 0

    @property
    def messages(self) -> Messages:
        return self._messages

    def begin(self, asked: Messages) -> Turn:
        """A turn that sees what is remembered now.

        Raises:
            InvalidRequest: the newest message alone exceeds `max_chars`.
        """
        if len(asked[-1].content) > self._max_chars:
            raise InvalidRequest(
                f"The message is too long: at most {self._max_chars} characters are allowed.",
                param="messages",
                code="context_too_long",
            )
        replaces = not (len(asked) == 1 and asked[0].role == "user")
        context = asked if replaces else (*self._messages, *asked)
        return Turn(self._trim(context), asked, replaces, self._era)

    def end(self, turn: Turn, answer: str) -> None:
        """Remember a turn and its answer, unless there is none or memory was cleared since."""
        if not answer or turn.era != self._era:
            return
        before = () if turn.replaces else self._messages
        said = ChatMessage(role="assistant", content=answer)
        self._messages = self._trim((*before, *turn.asked, said))

    def clear(self) -> None:
        """Forget everything, also the turns that are under way."""
        self._messages = ()
        self._era += 1

    def _trim(self, messages: Messages) -> Messages:
        return trim(messages, self._max_turns, self._max_chars)


def trim(messages: Messages, max_turns: int, max_chars: int) -> Messages:
    """The newest whole turns within both limits; the newest turn stays whatever its size.

    A turn begins with what a user said; messages before the first of these are a turn too.
    """
    starts = turn_starts(messages)
    first = len(starts) - 1
    chars = 0
    for number in range(len(starts) - 1, -1, -1):
        end = starts[number + 1] if number + 1 < len(starts) else len(messages)
        chars += sum(len(message.content) for message in messages[starts[number] : end])
        if number < len(starts) - 1 and (chars > max_chars or len(starts) - number > max_turns):
            break
        first = number
    return messages[starts[first] :] if starts else ()


def turn_starts(messages: Sequence[ChatMessage]) -> list[int]:
    """The index of each turn's first message."""
    return [i for i, message in enumerate(messages) if message.role == "user" or i == 0]
