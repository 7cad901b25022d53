"""The text of one utterance between the client who writes it and the engine that reads it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from enum import Enum, auto

from parley_tts.order import Order

# Who writes nothing for so long has nothing more to say for now: what there is is spoken, and the
# engine is not kept waiting.
_MUTE_S = 2.0


class _Mark(Enum):
    FLUSH = auto()
    END = auto()


class Utterance:
    """Text comes in by `append`, `flush` and `end`, and is read in segments.

    A segment is what is spoken in one go: it ends at a flush, at the end, or where the client has
    paused.
    """

    def __init__(self, utterance_id: str, order: Order) -> None:
        self.id = utterance_id
        self.order = order
        self.length = 0
        """Characters, read or not."""
        self.has_failed = False
        """Whether it was given up: nothing of it is read any more."""
        self.has_ended = False
        """Whether no more of it comes."""
        self.unread = 0
        """Characters that the engine has not taken yet, and flushes."""
        self._text: list[str] = []
        self._read = 0
        self._items: deque[str | _Mark] = deque()
        self._arrived = asyncio.Event()

    @property
    def text(self) -> str:
        """All of it up to now."""
        if len(self._text) > 1:
            self._text = ["".join(self._text)]
        return self._text[0] if self._text else ""

    def append(self, text: str) -> None:
        if text:
            self._text.append(text)
            self.length += len(text)
            self.unread += len(text)
            self._put(text)

    def flush(self) -> None:
        self.unread += 1
        self._put(_Mark.FLUSH)

    def fail(self) -> None:
        """Forget what is unread; nothing will be taken in."""
        self.has_failed = True
        self._items.clear()
        self.unread = 0

    def end(self) -> None:
        self.has_ended = True
        self._put(_Mark.END)

    def _put(self, item: str | _Mark) -> None:
        self._items.append(item)
        self._arrived.set()

    async def begin(self) -> "Beginning":
        """Wait for what comes next, leaving out white space."""
        while True:
            match await self._next():
                case _Mark.FLUSH:
                    self._items.popleft()
                    self.unread -= 1
                    return Beginning.FLUSH
                case _Mark.END:
                    return Beginning.NOTHING
                case text if text.isspace():
                    self._take()
                case _:
                    return Beginning.SEGMENT

    @property
    def position(self) -> int:
        """The character of the text that is read next."""
        return self._read

    async def segment(self) -> AsyncIterator[str]:
        """The text of a segment as it comes."""
        while True:
            try:
                async with asyncio.timeout(_MUTE_S):
                    item = await self._next()
            except TimeoutError:
                return
            if isinstance(item, _Mark):
                return
            yield self._take()

    async def _next(self) -> str | _Mark:
        """The next item, which stays."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        return self._items[0]

    def _take(self) -> str:
        text = self._items.popleft()
        assert isinstance(text, str)
        self.unread -= len(text)
        self._read += len(text)
        return text


class Beginning(Enum):
    """What comes next in an utterance."""

    SEGMENT = auto()
    FLUSH = auto()
    """All before it has been spoken."""
    NOTHING = auto()
