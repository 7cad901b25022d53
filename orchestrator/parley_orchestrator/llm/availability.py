"""Which member may be asked, and what its answer means for the next turn.

The breaker decides, the board remembers. A board that fails costs the breaker, not the call:
members are then asked as if nothing were known of them.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from parley_orchestrator.board import Board, BoardFailed
from parley_orchestrator.errors import FailureKind
from parley_orchestrator.llm import breaker
from parley_orchestrator.llm.breaker import Breaker, BreakerPolicy, Ticket
from parley_orchestrator.llm.events import AvailabilityChanged, Observer

_log = logging.getLogger("parley.orchestrator")

_T = TypeVar("_T")


class Availability:
    """The breakers of one chain's members; all methods take a fraction of a millisecond."""

    def __init__(self, board: Board, policy: BreakerPolicy, observer: Observer) -> None:
        self._board = board
        self._policy = policy
        self._observer = observer

    def admit(self, member: str) -> Ticket | None:
        """Permission to ask, or None while it is left alone."""
        unknown: Ticket | None = Ticket(0)
        return self._tried(
            lambda: self._board.update(
                member, lambda known, now: breaker.admitted(known, now, self._policy)
            ),
            unknown,
        )

    def insist(self, member: str) -> Ticket:
        """Permission to ask in any case."""
        return self._tried(
            lambda: self._board.update(
                member, lambda known, now: breaker.insisted(known, now, self._policy)
            ),
            Ticket(0),
        )

    def served(self, member: str, ttft_s: float) -> None:
        """An answer began."""
        self._tried(lambda: self._board.add_served(member, ttft_s), None)

    def succeeded(self, member: str, ticket: Ticket) -> None:
        """An answer came to its end."""
        self._change(member, lambda known, now: breaker.succeeded(known, ticket))

    def interrupted(self, member: str, ticket: Ticket) -> None:
        """The caller left an answer that had begun."""
        self._change(member, lambda known, now: breaker.interrupted(known, ticket))

    def failed(self, member: str, ticket: Ticket, kind: FailureKind) -> None:
        """An attempt failed; that it counts is up to its kind."""
        self._tried(lambda: self._board.add_failure(member, kind), None)
        if kind in breaker.COUNTED:
            self._change(
                member, lambda known, now: breaker.failed(known, ticket, now, self._policy)
            )
        else:
            self.release(member, ticket)

    def release(self, member: str, ticket: Ticket) -> None:
        """An attempt ended that says nothing of the member."""
        if ticket.lease:
            self._change(member, lambda known, now: breaker.released(known, ticket))

    def _change(self, member: str, change: Callable[[Breaker, float], Breaker]) -> None:
        changed = self._tried(
            lambda: self._board.update(member, partial(_with_availability, change)), None
        )
        if changed is not None:
            _log.info("model available" if changed else "model left alone", extra=_data(member))
            self._observer(AvailabilityChanged(member, changed))

    def _tried(self, use: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return use()
        except BoardFailed as failure:
            _log.error("the board failed, the breakers are off: %s", failure)
            return otherwise


def _with_availability(
    change: Callable[[Breaker, float], Breaker], before: Breaker, now: float
) -> tuple[Breaker, bool | None]:
    """The change, and whether the member is available since, None if that is as it was."""
    after = change(before, now)
    was, is_now = not before.cooldown_s, not after.cooldown_s
    return after, None if was == is_now else is_now


def _data(member: str) -> dict[str, dict[str, str]]:
    return {"data": {"member": member}}
