"""What every transport does the same: caps the history before, and keeps the deadlines after."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator

from parley_orchestrator.llm.chat import ChatRequest, Item
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.deadlines import timed
from parley_orchestrator.llm.history import prepared
from parley_orchestrator.llm.transport import APIS, Api


class TimedTransport(ABC):
    """A `Transport` but for its wire.

    Args:
        name: of `APIS`.
    """

    def __init__(self, name: str, config: LlmConfig) -> None:
        self._name = name
        self._config = config

    @property
    def name(self) -> str:
        return self._name

    @property
    def api(self) -> Api:
        return APIS[self._name]

    @property
    def config(self) -> LlmConfig:
        return self._config

    def stream(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        """See `Transport.stream`."""
        return timed(self._items(prepared(request, self._config)), self._config)

    @abstractmethod
    def _items(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        """The answer to a request that has its instructions, tools and cap.

        Raises:
            LlmFailed: see `Transport.stream`; of deadlines only those before a connection.
        """

    @abstractmethod
    async def warm(self) -> None:
        """See `Transport.warm`."""

    @abstractmethod
    async def close(self) -> None:
        """See `Transport.close`."""
