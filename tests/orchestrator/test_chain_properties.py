"""The chain, whatever its members do: against its rules stated more simply, and many at once."""

import asyncio
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from parley_orchestrator.board import Board
from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chain import ChainPolicy
from parley_orchestrator.llm.chat import Text, Usage
from parley_orchestrator.llm.events import AttemptFailed
from tests.orchestrator.scripted import FOREVER, Fail, Linger, Script, Scripted, Vanish, Wait
from tests.orchestrator.talking import OK, Talk, now, sure
from tests.orchestrator.virtual_time import run

BUDGET_S = ChainPolicy().attempts_end_after_s

BEHAVIOURS: dict[str, Script] = {
    "answers": OK,
    "answers late": (Wait(0.6), *OK),
    "answers too late": (Wait(1.6), *OK),
    "fails": (Fail("server"),),
    "fails late": (Wait(0.7), Fail("connect")),
    "ends empty": (Text(" "), Usage(1, 0)),
    "has a bad key": (Fail("auth"),),
    "refuses": (Fail("refused"),),
    "asks for a long pause": (Fail("rate_limited", retry_after_s=60.0),),
    "asks for a short pause": (Fail("rate_limited", retry_after_s=0.4),),
    "hangs": (FOREVER,),
    "hangs and lingers": (Linger(20), Text("\n"), FOREVER),
    "vanishes": (Vanish(),),
    "breaks off": (Text("We are "), Fail("cut")),
    "falls silent": (Text("We are "), FOREVER),
}
PASSING = {"fails", "vanishes", "fails late", "ends empty", "asks for a short pause"}
HEARD = {"answers", "answers late", "breaks off", "falls silent"}

behaviours = st.sampled_from(sorted(BEHAVIOURS))
pauses = st.sampled_from([0.0, 1.0, 29.0, 30.0, 60.0, 300.0])


class Expected:
    """How often the first of two members is asked, and who answers, by the rules."""

    def __init__(self, to_come: Sequence[str]) -> None:
        self.to_come = list(to_come)
        self.asked = 0
        self.in_a_row = 0
        self.cooldown_s = 0.0
        self.open_until = 0.0
        self.now = 0.0

    def turn(self) -> str:
        """What is heard."""
        budget_ends = self.now + BUDGET_S
        for attempt in range(3):
            if self.now < self.open_until or (attempt and self.cooldown_s):
                break
            behaviour = self._next()
            if behaviour == "answers late" and self.now + 0.6 > budget_ends:
                behaviour = "answers too late"
            if behaviour in HEARD:
                return self._heard(behaviour)
            self._take(behaviour, budget_ends)
            pause = 0.4 if "pause" in behaviour else 0.1 * 2**attempt
            is_over = self.now + pause >= budget_ends - 1e-6
            if behaviour not in PASSING or self.now < self.open_until or attempt == 2 or is_over:
                break
            self.now += pause
        return "Until five."

    def _next(self) -> str:
        self.asked += 1
        return self.to_come.pop(0) if len(self.to_come) > 1 else self.to_come[0]

    def _heard(self, behaviour: str) -> str:
        self.now += 0.6 if behaviour == "answers late" else 0.0
        if behaviour.startswith("answers"):
            self.in_a_row, self.cooldown_s = 0, 0.0
            return "We are open."
        self.now += 10.0 if behaviour == "falls silent" else 0.0
        self._count()
        return "broken off"

    def _take(self, behaviour: str, budget_ends: float) -> None:
        """The time that an attempt takes which nobody hears, and whether it counts."""
        if behaviour == "fails late":
            self.now = min(self.now + 0.7, budget_ends)
        elif behaviour.startswith("hangs") or behaviour == "answers too late":
            self.now = budget_ends
        if behaviour != "refuses":
            self._count()

    def _count(self) -> None:
        self.in_a_row += 1
        if self.cooldown_s or self.in_a_row == 3:
            self.cooldown_s = min(2 * self.cooldown_s or 30.0, 300.0)
            self.open_until = self.now + self.cooldown_s
            self.in_a_row = 0


@contextmanager
def new_board() -> Iterator[Board]:
    with tempfile.TemporaryDirectory() as folder:
        board = Board(Path(folder) / "board", clock=now)
        yield board
        board.close()


async def heard(talk: Talk) -> str:
    try:
        return await talk.ask()
    except LlmFailed as failure:
        return "broken off" if failure.kind == "cut" else failure.kind


@settings(max_examples=150, deadline=None)
@given(st.lists(behaviours, min_size=1, max_size=12), st.lists(pauses, min_size=1, max_size=8))
def test_every_turn_is_answered_by_whom_the_rules_say_after_the_attempts_they_say(
    to_come: list[str], pauses: list[float]
) -> None:
    first, last = Scripted("gemini", *[BEHAVIOURS[name] for name in to_come]), sure()
    expected = Expected(to_come)

    async def talked(board: Board) -> None:
        talk = Talk(board, first, last)
        for pause in pauses:
            await asyncio.sleep(pause)
            expected.now = now()
            assert await heard(talk) == expected.turn()
            assert len(first.asked_at) == expected.asked
        assert all(waited <= BUDGET_S + 1e-6 for waited in talk.waited)
        assert len(talk.waited) == len(pauses)

    with new_board() as board:
        run(talked(board))


def numbered(script: Script, number: int) -> Script:
    """The same behaviour, with words that no other attempt says."""
    texts = iter([f"[{number}a]", f"[{number}b]"])
    return [
        Text(next(texts)) if isinstance(step, Text) and step.text.strip() else step
        for step in script
    ]


callers = st.lists(
    st.tuples(st.floats(0, 40), st.none() | st.floats(0, 3)), min_size=1, max_size=12
)


@settings(max_examples=100, deadline=None)
@given(st.lists(behaviours, min_size=1, max_size=12), callers)
def test_many_callers_at_once_who_may_interrupt_hear_one_answer_each_and_leave_nothing_behind(
    to_come: list[str], callers: list[tuple[float, float | None]]
) -> None:
    scripts = [numbered(BEHAVIOURS[name], n) for n, name in enumerate(to_come)]
    first, last = Scripted("gemini", *scripts, numbered(OK, 99)), sure()

    async def call(talk: Talk, begins: float, interrupts: float | None) -> None:
        await asyncio.sleep(begins)
        if interrupts is None:
            text = await heard(talk)
            assert text in ("Until five.", "broken off") or re.fullmatch(
                r"\[(\d+)a\]\[\1b\]", text
            ), text
        else:
            await talk_until(talk, interrupts)

    async def talk_until(talk: Talk, seconds: float) -> None:
        turn = asyncio.create_task(heard(talk))
        await asyncio.wait({turn}, timeout=seconds)
        turn.cancel()
        await asyncio.wait({turn})

    async def talked(board: Board) -> None:
        talk = Talk(board, first, last)
        await asyncio.gather(*(call(talk, begins, interrupts) for begins, interrupts in callers))
        assert all(waited <= BUDGET_S + 1e-6 for waited in talk.waited)
        await asyncio.sleep(400)
        assert (first.running, last.running) == (0, 0)
        asked = len(first.asked_at)
        await heard(talk)
        assert len(first.asked_at) > asked, "a lease was left behind"

    with new_board() as board:
        run(talked(board))


KINDS: list[FailureKind] = ["connect", "server", "empty", "malformed", "rate_limited", "cut"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(KINDS), max_size=3), min_size=2, max_size=4),
    st.integers(1, 6),
)
def test_every_failed_attempt_is_told_once_and_no_member_is_asked_too_often(
    kinds: list[list[FailureKind]], turns: int
) -> None:
    members = [
        Scripted(f"member-{n}", *[(Fail(kind),) for kind in fails], OK)
        for n, fails in enumerate(kinds)
    ]

    async def talked(board: Board) -> None:
        talk = Talk(board, *members)
        for _ in range(turns):
            before = [len(member.asked_at) for member in members]
            try:
                assert await talk.ask() == "We are open."
            except LlmFailed:
                assert members[-1].asked_at
            for member, asked in zip(members, before, strict=True):
                assert len(member.asked_at) - asked <= 1 + member.config.max_retries
        told = [event.kind for event in talk.told(AttemptFailed)]
        attempts = sum(len(member.asked_at) for member in members)
        assert attempts == len(told) + len(talk.waited)

    with new_board() as board:
        run(talked(board))
