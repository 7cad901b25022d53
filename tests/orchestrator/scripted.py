"""A transport that a test scripts: the double of a model that somebody else runs."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass

from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chat import ChatRequest, Item, Said, Text
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.deadlines import timed
from parley_orchestrator.llm.transport import Api

QUESTION = ChatRequest((Said("user", "When are you open?"),))


@dataclass(frozen=True, slots=True)
class Wait:
    """The model is silent for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    kind: FailureKind
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Vanish:
    """A library cancels what it waits for itself, and lets the caller see it."""


@dataclass(frozen=True, slots=True)
class Linger:
    """However it ends, stopping takes so long."""

    seconds: float


Step = Item | Wait | Fail | Vanish | Linger
Script = Sequence[Step]

FOREVER = Wait(1e6)


class Scripted:
    """Plays one script for each attempt, the last one again and again.

    Args:
        scripts: an answer ends where its script does.
    """

    api: Api = "REST"

    def __init__(self, name: str, *scripts: Script, config: LlmConfig | None = None) -> None:
        self.name = name
        self.config = config or LlmConfig(model=name)
        self.asked_at: list[float] = []
        self.running = 0
        self.made = 0
        """Items, whether or not anybody took them."""
        self.warmed = False
        self.closed = False
        self._scripts: Iterator[Script] = iter(scripts)
        self._script: Script = ()

    def stream(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        return timed(self._play(), self.config)

    async def warm(self) -> None:
        self.warmed = True
        if any(isinstance(script[0], Fail) for script in self._scripts):
            raise LlmFailed("scripted", "connect")

    async def close(self) -> None:
        self.closed = True

    async def _play(self) -> AsyncGenerator[Item, None]:
        self.asked_at.append(asyncio.get_running_loop().time())
        script = self._script = next(self._scripts, self._script)
        self.running += 1
        try:
            for step in script:
                match step:
                    case Wait(seconds):
                        await asyncio.sleep(seconds)
                    case Fail(kind, retry_after_s):
                        raise LlmFailed("scripted", kind, retry_after_s=retry_after_s)
                    case Vanish():
                        raise asyncio.CancelledError
                    case Linger():
                        pass
                    case item:
                        self.made += 1
                        yield item
        finally:
            try:
                for step in script:
                    if isinstance(step, Linger):
                        await asyncio.sleep(step.seconds)
            finally:
                self.running -= 1


class Untimed(Scripted):
    """Hands on whatever comes, as a transport without deadlines would."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        return self._play()


def text_of(items: Sequence[Item]) -> str:
    return "".join(item.text for item in items if isinstance(item, Text))
