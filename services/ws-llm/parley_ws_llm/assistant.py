"""The assistant that all connections share: instructions, a place at the model, then the model."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from parley_kit.app import Service
from parley_ws_llm.engine import ChatEngine, Item
from parley_ws_llm.history import Messages
from parley_ws_llm.metrics import ChatMetrics


class Assistant:
    """Answers a conversation in its persona, as far as the service's limits allow."""

    def __init__(self, service: Service, engine: ChatEngine, instructions: str) -> None:
        self._service = service
        self._engine = engine
        self._instructions = instructions
        self.metrics = ChatMetrics(service.metrics.registry)

    async def answer(self, context: Messages, key_id: str) -> AsyncGenerator[Item, None]:
        """See `ChatEngine.chat`.

        Raises:
            ApiError: there is no place, the service is not ready, or the model failed.
        """
        self._service.health.require_ready()
        async with (
            self._service.admission.slot(key_id),
            aclosing(self._engine.chat(self._instructions, context)) as items,
        ):
            async for item in items:
                yield item
