"""The assistant that all connections share: screens, a place at the model, the model, the guard."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from parley_kit.app import Service
from parley_ws_llm.engine import ChatEngine, Finish, Item, Text, Tools
from parley_ws_llm.guard import Guard, Instructions, Recited
from parley_ws_llm.history import Messages, Turn, newest_question
from parley_ws_llm.metrics import ChatMetrics
from parley_ws_llm.screen.replies import Replies
from parley_ws_llm.triage import Triage, Verdict

_RECITED = Verdict("probe", red_flag=False)


class Assistant:
    """Answers a conversation in its persona, as far as the service's limits allow."""

    def __init__(
        self,
        service: Service,
        engine: ChatEngine,
        instructions: str,
        triage: Triage,
        replies: Replies,
    ) -> None:
        self._service = service
        self._engine = engine
        self._instructions = instructions
        self._kept = Instructions(instructions)
        self._triage = triage
        self._replies = replies
        self.metrics = ChatMetrics(service.metrics.registry)

    async def is_urgent(self, asked: Messages) -> bool:
        """Whether a chat of these messages is answered with an emergency's text."""
        verdict = await self._triage.judge(newest_question(asked))
        return verdict is not None and verdict.red_flag

    async def answer(self, turn: Turn, tools: Tools, key_id: str) -> AsyncGenerator[Item, None]:
        """See `ChatEngine.chat`; what needs no model is answered even when there is none.

        Raises:
            ApiError: the service is not ready; or, before the first item, there is no place.
        """
        verdict = await self._triage.judge(newest_question(turn.asked))
        if verdict is not None:
            for item in self._fixed(verdict):
                yield item
            return
        self._service.health.require_serving()
        items = self._engine.chat(self._instructions, turn.context, tools)
        admitted = self._service.admission.holding(key_id, items)
        async with aclosing(self._guarded(admitted)) as guarded:
            async for item in guarded:
                yield item

    def _fixed(self, verdict: Verdict) -> list[Item]:
        self.metrics.fixed_answer(verdict.category)
        texts = [Text(sentence) for sentence in self._replies.sentences(verdict.category)]
        return [*texts, Finish(None, verdict.category if verdict.red_flag else None)]

    async def _guarded(self, items: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
        """The items, until they begin to recite the instructions."""
        guard, sent = Guard(self._kept), False
        async with aclosing(items):
            try:
                async for item in items:
                    for safe in _passed(guard, self._kept, item):
                        yield safe
                        sent = True
                return
            except Recited:
                pass
        if sent:
            yield Text("… ")
        for item in self._fixed(_RECITED):
            yield item


def _passed(guard: Guard, kept: Instructions, item: Item) -> list[Item]:
    """What of the answer may be sent now.

    Raises:
        Recited: it must end here.
    """
    if isinstance(item, Text):
        text = guard.feed(item.text)
        return [Text(text)] if text else []
    rest = guard.finish()
    if not isinstance(item, Finish):
        arguments = Guard(kept)
        arguments.feed(item.function.arguments)
        arguments.finish()
    return [Text(rest), item] if rest else [item]
