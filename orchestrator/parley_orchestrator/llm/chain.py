"""Several models as one: who does not answer in time is replaced within the turn.

The members are asked in their order. One whose breaker is open is passed over, one that fails is
asked again while that can still work, and then the next one is. All of that happens before the
caller has got anything; from the first useful item on, an answer is one model's or broken off.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count

from parley_orchestrator.board import Board
from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.answering import STOPS_WITHIN_S, Answering
from parley_orchestrator.llm.availability import Availability
from parley_orchestrator.llm.breaker import BreakerPolicy, Ticket
from parley_orchestrator.llm.chat import ChatRequest, Item
from parley_orchestrator.llm.events import AttemptFailed, Observer, Served, Unanswered, unobserved
from parley_orchestrator.llm.retrying import pause_s
from parley_orchestrator.llm.transport import Transport

_log = logging.getLogger("parley.orchestrator")

SWITCH_S = 0.05
"""What of the budget is left for the switch: to leave one model, note it on the board, and get a
request to the next. With 25 callers at a time on two cores that took up to 26 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPolicy:
    """
    Args:
        silence_budget_s: from the question until the last member is asked, if no other has given
            a useful item; the last one then has its own `first_token_timeout_s`. A member that
            answers in one piece (`config.stream` off) cannot be told from one that hangs, and has
            that too.
    """

    silence_budget_s: float = 1.5
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)

    @property
    def attempts_end_after_s(self) -> float:
        """Of the members that are not the last."""
        return self.silence_budget_s - min(SWITCH_S, self.silence_budget_s / 2)


@dataclass(frozen=True, slots=True)
class _Turn:
    request: ChatRequest
    asked_at: float
    """Of the loop's clock, as every time here."""
    budget_ends: float


@dataclass(frozen=True, slots=True)
class _Attempt:
    member: Transport
    ticket: Ticket
    begun: float
    answering: Answering


class Chain:
    """Asks its members in their order; it owns them, and `close` closes them.

    One event loop, any number of turns at a time.

    Args:
        members: one or more, of different names.
        board: shared by all chains whose members are the same services; stays the caller's.
        observer: called on the loop with what happens.
        chance: 0 to 1 at random.

    Raises:
        ValueError: no members, or two of one name.
    """

    def __init__(
        self,
        members: Sequence[Transport],
        board: Board,
        policy: ChainPolicy | None = None,
        observer: Observer = unobserved,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        names = [member.name for member in members]
        if not names or len(set(names)) < len(names):
            raise ValueError("a chain has one or more members of different names")
        self._members = tuple(members)
        self._policy = policy or ChainPolicy()
        self._observer = observer
        self._availability = Availability(board, self._policy.breaker, observer)
        self._chance = chance
        self._stopping: set[asyncio.Task[None]] = set()
        for member in members:
            data = {"member": member.name, "api": member.api, "model": member.config.model}
            _log.info("%s_LLM_CONFIGURED", member.name.upper(), extra={"data": data})

    @property
    def members(self) -> tuple[Transport, ...]:
        return self._members

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        """Answer as the first member that can does.

        Closing the generator stops the model that answers.

        Raises:
            LlmFailed: before any item: nobody answered, and this is the last member's failure.
                After some: `cut`, the one who answered broke off or fell silent; what was got
                stands, and nothing is repeated.
        """
        attempt, first = await self._answered(request)
        try:
            for item in first:
                yield item
            async for item in attempt.answering:
                yield item
        except LlmFailed as failure:
            self._note_failure(attempt, failure, is_heard=True)
            raise LlmFailed(f"{attempt.member.name} broke off: {failure}", "cut") from failure
        except BaseException:
            self._availability.interrupted(attempt.member.name, attempt.ticket)
            raise
        else:
            self._availability.succeeded(attempt.member.name, attempt.ticket)
        finally:
            await self._stop(attempt)

    async def warm(self) -> None:
        """Let every member open a connection; one that cannot is logged and stays a member."""
        await asyncio.gather(*(_warm(member) for member in self._members))

    async def close(self) -> None:
        """Close the members, after the answers that are still being stopped."""
        async with AsyncExitStack() as closing:
            for member in self._members:
                closing.push_async_callback(member.close)
            if self._stopping:
                await asyncio.wait(self._stopping, timeout=STOPS_WITHIN_S)

    async def _answered(self, request: ChatRequest) -> tuple[_Attempt, list[Item]]:
        """The attempt that serves, and its items up to the first useful one."""
        now = _now()
        turn = _Turn(request, now, now + self._policy.attempts_end_after_s)
        for member in self._members[:-1]:
            ticket = self._availability.admit(member.name) if _now() < turn.budget_ends else None
            if not ticket:
                continue
            try:
                return await self._retried(turn, member, ticket, turn.budget_ends)
            except LlmFailed:
                continue  # told where it happened
        try:
            return await self._last_answered(turn)
        except LlmFailed as failure:
            self._observer(Unanswered(failure.kind, _now() - turn.asked_at))
            raise

    async def _last_answered(self, turn: _Turn) -> tuple[_Attempt, list[Item]]:
        """The last member has its own time, and nobody stands behind it."""
        last = self._members[-1]
        ticket = self._availability.insist(last.name)
        deadline = _now() + last.config.first_token_timeout_s
        return await self._retried(turn, last, ticket, deadline)

    async def _retried(
        self, turn: _Turn, member: Transport, ticket: Ticket, deadline: float
    ) -> tuple[_Attempt, list[Item]]:
        """The first attempt that serves, or else the last failure."""
        for attempts in count(1):
            try:
                return await self._attempted(turn, member, ticket, deadline)
            except LlmFailed as failure:
                pause = pause_s(failure, attempts, member.config.max_retries, self._chance())
                if pause is None or _now() + pause >= deadline:
                    raise
                another = self._availability.admit(member.name)
                if another is None:
                    raise
                await self._pause(member, another, pause)
                ticket = another
        raise AssertionError("count() has no end")

    async def _attempted(
        self, turn: _Turn, member: Transport, ticket: Ticket, deadline: float
    ) -> tuple[_Attempt, list[Item]]:
        """One attempt, at its first useful item."""
        attempt = _Attempt(member, ticket, _now(), Answering(member, turn.request))
        try:
            items = await attempt.answering.first(_ends(attempt, deadline))
            self._note_served(attempt, turn)
        except LlmFailed as failure:
            self._leave(attempt)
            self._note_failure(attempt, failure, is_heard=False)
            raise
        except BaseException:
            self._availability.release(member.name, ticket)
            await self._stop(attempt)
            raise
        return attempt, items

    async def _pause(self, member: Transport, ticket: Ticket, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except BaseException:
            self._availability.release(member.name, ticket)
            raise

    def _note_served(self, attempt: _Attempt, turn: _Turn) -> None:
        name, now = attempt.member.name, _now()
        served = Served(name, now - attempt.begun, now - turn.asked_at)
        self._availability.served(name, served.ttft_s)
        data = {"member": name, "ttft_s": round(served.ttft_s, 3)}
        _log.info("model serves", extra={"data": data})
        self._observer(served)

    def _note_failure(self, attempt: _Attempt, failure: LlmFailed, *, is_heard: bool) -> None:
        name, seconds = attempt.member.name, _now() - attempt.begun
        data = {"member": name, "kind": failure.kind, "seconds": round(seconds, 3)}
        _log.warning("model failed: %s", failure, extra={"data": data})
        self._observer(AttemptFailed(name, failure.kind, seconds, is_heard))
        self._availability.failed(name, attempt.ticket, failure.kind)

    def _leave(self, attempt: _Attempt) -> "asyncio.Task[None]":
        """Tell it to stop, without waiting for that; `close` will."""
        task = attempt.answering.cancel()
        if not task.done():
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)
        return task

    async def _stop(self, attempt: _Attempt) -> None:
        await asyncio.wait({self._leave(attempt)}, timeout=STOPS_WITHIN_S)


def _ends(attempt: _Attempt, deadline: float) -> float:
    """When it has to have begun to answer; its next attempt is another matter."""
    config = attempt.member.config
    if config.stream:
        return deadline
    return max(deadline, attempt.begun + config.first_token_timeout_s)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _warm(member: Transport) -> None:
    try:
        await member.warm()
    except LlmFailed as failure:
        data = {"member": member.name, "kind": failure.kind}
        _log.warning("model not reached: %s", failure, extra={"data": data})
