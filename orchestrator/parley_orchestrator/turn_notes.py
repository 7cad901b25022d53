"""Notes of a call on the board: how long each turn took, and what excuse was made.

Of what was said it keeps nothing.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from livekit.agents import ConversationItemAddedEvent, llm

from parley_orchestrator.board import Board, BoardFailed, Turn
from parley_orchestrator.persona import Excuse
from parley_orchestrator.stages import stages_of

log = logging.getLogger("parley.orchestrator")


class TurnNotes:
    """`session.on("conversation_item_added", notes.on_item)`.

    Args:
        call: an identifier of the call that says nothing of the caller.
        member: who answered the latest question, as in `LLM_CHAIN`; empty for nobody.
    """

    def __init__(self, board: Board, call: str, member: Callable[[], str]) -> None:
        self._board = board
        self._call = call
        self._member = member
        self._question: Mapping[str, Any] | None = None

    def on_item(self, event: ConversationItemAddedEvent) -> None:
        """A question waits for the first answer that was heard; the greeting answers none."""
        if not isinstance(event.item, llm.ChatMessage):
            return
        if event.item.role == "user":
            self._question = event.item.metrics
        elif self._question is not None and "e2e_latency" in event.item.metrics:
            stages = stages_of(self._question, event.item.metrics)
            self._question = None
            with _a_call_is_worth_more():
                self._board.add_turn(Turn(time.time(), self._call, self._member(), stages))

    def on_excuse(self, excuse: Excuse) -> None:
        with _a_call_is_worth_more():
            self._board.add_excuse(excuse)


@contextmanager
def _a_call_is_worth_more() -> Iterator[None]:
    try:
        yield
    except BoardFailed as exc:
        log.warning("a turn could not be noted: %s", exc)
