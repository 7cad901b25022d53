"""No caller waits in silence: what is late is announced, and what fails is said.

`answered` watches the words of an answer and `voiced` its speech; both are around LiveKit's own
nodes of an agent and know nothing else of it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Generic, Self, TypeAlias, TypeVar

from livekit import rtc
from livekit.agents import APIError, FlushSentinel, llm, utils

from parley_orchestrator.excuses import Excuses
from parley_orchestrator.phrases import Phrases

Piece: TypeAlias = llm.ChatChunk | str | FlushSentinel
_T = TypeVar("_T")

_AGAIN_AFTER_S = 5.0


@dataclass(slots=True)
class Patience:
    """How long the caller of one turn has heard nothing.

    Args:
        budget_s: how long that may be.
    """

    budget_s: float
    _said: int = 0
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = time.monotonic() + self.budget_s

    @property
    def left_s(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def next_phrase(self, excuses: Excuses) -> str:
        """The next thing to say; the budget begins again when it has been heard."""
        phrase = excuses.waiting(self._said)
        self._said += 1
        self._until = time.monotonic() + excuses.phrases.seconds(phrase) + _AGAIN_AFTER_S
        return phrase


@dataclass(frozen=True, slots=True)
class _Late:
    """Nothing was heard in time; what is said meanwhile."""

    phrase: str


async def answered(
    pieces: AsyncGenerator[Piece, None], patience: Patience, excuses: Excuses
) -> AsyncGenerator[Piece, None]:
    """`pieces` of an answer, after phrases while it is late; if it fails, an apology at its end.

    A phrase is a segment of its own, so that its speech is not waited for.
    """
    begun = False
    try:
        async with aclosing(_watched(pieces, patience, excuses, _is_answer)) as watched:
            async for piece in watched:
                if isinstance(piece, _Late):
                    yield piece.phrase
                    yield FlushSentinel()
                    continue
                begun = begun or _is_answer(piece)
                yield piece
    except APIError:
        yield FlushSentinel()
        yield excuses.failed(begun=begun)


async def voiced(
    frames: AsyncGenerator[rtc.AudioFrame, None], patience: Patience, excuses: Excuses
) -> AsyncGenerator[rtc.AudioFrame, None]:
    """`frames` of speech, after phrases while it is late; if it fails, an apology at its end.

    Raises:
        APIError: it failed; LiveKit has to know what was not heard.
    """
    begun = False
    try:
        async with aclosing(_watched(frames, patience, excuses, _is_speech)) as watched:
            async for frame in watched:
                if isinstance(frame, _Late):
                    for spoken in excuses.phrases.frames(frame.phrase):
                        yield spoken
                    continue
                begun = True
                yield frame
    except APIError:
        for spoken in excuses.phrases.frames(excuses.failed(begun=begun)):
            yield spoken
        raise


async def _watched(
    items: AsyncGenerator[_T, None],
    patience: Patience,
    excuses: Excuses,
    is_heard: Callable[[object], bool],
) -> AsyncGenerator[_T | _Late, None]:
    """`items`, and something to say whenever the first that is heard takes too long."""
    begun = False
    async with _Ahead(items) as ahead:
        while True:
            if not begun and not await ahead.comes_within(patience.left_s):
                yield _Late(patience.next_phrase(excuses))
                continue
            if (item := await ahead.next()) is None:
                return
            begun = begun or is_heard(item)
            yield item


class _Ahead(Generic[_T]):
    """An iterator whose next item can be waited for in pieces of time."""

    def __init__(self, items: AsyncGenerator[_T, None]) -> None:
        self._items = items
        self._next: asyncio.Task[_T | None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._next is not None:
            await utils.aio.cancel_and_wait(self._next)
        await self._items.aclose()

    async def comes_within(self, seconds: float) -> bool:
        """Whether the next item, the end or a failure is there in time."""
        done, _ = await asyncio.wait({self._task()}, timeout=seconds)
        return bool(done)

    async def next(self) -> _T | None:
        """None after the last; what the iterator raises."""
        task = self._task()
        await asyncio.wait({task})
        self._next = None
        return task.result()

    def _task(self) -> "asyncio.Task[_T | None]":
        if self._next is None:
            self._next = asyncio.create_task(self._one())
        return self._next

    async def _one(self) -> _T | None:
        return await anext(self._items, None)


def _is_answer(piece: object) -> bool:
    return isinstance(piece, llm.ChatChunk) and piece.has_response()


def _is_speech(_: object) -> bool:
    return True


async def spoken_phrase(
    text: AsyncIterable[str], phrases: Phrases
) -> tuple[str | None, AsyncGenerator[str, None]]:
    """Which phrase the whole of `text` is, None if it is another text; and `text` again.

    Reads no further than it must to tell.
    """
    pieces = aiter(text)
    read: list[str] = []
    candidates = [phrase for phrase in phrases.texts if phrases.speech(phrase)]
    while candidates:
        piece = await anext(pieces, None)
        said = "".join(read).strip()
        if piece is None:
            return (said if said in candidates else None), _again(read, pieces)
        read.append(piece)
        said = "".join(read).strip()
        candidates = [phrase for phrase in candidates if phrase.startswith(said)]
    return None, _again(read, pieces)


async def _again(read: Sequence[str], rest: AsyncIterator[str]) -> AsyncGenerator[str, None]:
    for piece in read:
        yield piece
    async for piece in rest:
        yield piece
