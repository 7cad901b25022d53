"""A chain of scripted members, and turns that are had with it on virtual time."""

import asyncio
from typing import TypeVar

from parley_orchestrator.board import Board
from parley_orchestrator.errors import FailureKind
from parley_orchestrator.llm.chain import Chain
from parley_orchestrator.llm.chat import Item, Text
from parley_orchestrator.llm.deadlines import is_useful
from parley_orchestrator.llm.events import Event
from tests.orchestrator.scripted import QUESTION, Fail, Script, Scripted

_E = TypeVar("_E", bound=Event)

OK: Script = (Text("We are "), Text("open."))
OTHER: Script = (Text("Until five."),)


def now() -> float:
    return asyncio.get_running_loop().time()


class Talk:
    """What was asked of a chain, when, and what its observer was told."""

    def __init__(self, board: Board, *members: Scripted) -> None:
        self.board = board
        self.events: list[Event] = []
        self.waited: list[float] = []
        """Of each turn that was answered, until its first useful item."""
        self.chain = Chain(members, board, observer=self.events.append, chance=lambda: 0.5)

    async def ask(self) -> str:
        """The text of one answer."""
        begun = now()
        items: list[Item] = []
        async for item in self.chain.stream(QUESTION):
            if is_useful(item) and not any(map(is_useful, items)):
                self.waited.append(now() - begun)
            items.append(item)
        return "".join(item.text for item in items if isinstance(item, Text))

    async def ask_often(self, turns: int) -> list[str]:
        return [await self.ask() for _ in range(turns)]

    async def interrupt(self, after_s: float) -> None:
        """A turn that its caller cancels."""
        turn = asyncio.create_task(self.ask())
        await asyncio.sleep(after_s)
        turn.cancel()
        await asyncio.wait({turn})
        assert turn.cancelled()

    def failures(self, member: str) -> int:
        return self.board.member(member).breaker.failures

    def state(self, member: str) -> str:
        return self.board.member(member).state

    def told(self, kind: type[_E]) -> list[_E]:
        return [event for event in self.events if isinstance(event, kind)]


def failing(*kinds: FailureKind) -> Scripted:
    """A first member that fails in these ways and then answers."""
    return Scripted("gemini", *[(Fail(kind),) for kind in kinds], OK)


def broken(kind: FailureKind = "auth") -> Scripted:
    """A first member that always fails; `auth` is not worth another try in the turn."""
    return Scripted("gemini", (Fail(kind),))


def sure() -> Scripted:
    """A last member that always answers at once."""
    return Scripted("qwen", OTHER)
