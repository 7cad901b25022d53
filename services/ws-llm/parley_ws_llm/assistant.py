"""The assistant that all connections share: instructions, a place at the model, then the model."""

from collections.abc import AsyncGenerator

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

    def answer(self, context: Messages, key_id: str) -> AsyncGenerator[Item, None]:
        """See `ChatEngine.chat`.

        Raises:
            ApiError: the service is not ready; or, before the first item, there is no place.
        """
        self._service.health.require_ready()
        items = self._engine.chat(self._instructions, context)
        return self._service.admission.holding(key_id, items)
