"""Gemini fails in every way: what the chain makes of it, over real sockets and without a call."""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from parley.bench.figures import Report, percentile
from parley.bench.turn_fakes import WELL, Fakes
from parley.bench.turn_models import BROKEN_OFF, BUDGET_S, FAULTS, GEMINI_SAYS, LATE, QWEN_SAYS
from parley_orchestrator.board import Board
from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.breaker import BreakerPolicy
from parley_orchestrator.llm.chain import Chain, ChainPolicy
from parley_orchestrator.llm.chat import ChatRequest, Said, Text
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transport import Transport
from parley_orchestrator.llm.transports.chat_completions import ChatCompletions
from parley_orchestrator.llm.transports.gemini import Gemini

_TURNS = 200
_AT_A_TIME = 25
_PAIRS = 200
_OPEN_ADDS_S = 0.005
_COOLDOWN_S = 0.5
_OUTAGES = 5
_REQUEST = ChatRequest((Said("user", "How long does it take to get better from the flu?"),))
# So that every turn meets the fault, not only the first ones.
_NEVER_OPENS = BreakerPolicy(failures_to_open=1_000_000)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn brought.

    Args:
        first_s: until the first word; of one without any, until it failed.
        failure: its kind, empty for none.
    """

    first_s: float
    text: str
    failure: str = ""

    @property
    def words_said_twice(self) -> int:
        words = self.text.split()
        return len(words) - len(set(words))

    @property
    def is_answered(self) -> bool:
        """Whole, or begun and told to have been broken off."""
        if self.failure:
            return self.failure == "cut" and bool(self.text) and GEMINI_SAYS.startswith(self.text)
        return self.text in (GEMINI_SAYS, QWEN_SAYS)


async def measure(report: Report, fakes: Fakes, step: Callable[[str], None]) -> None:
    """What it takes until the first word."""
    step(f"{_TURNS} turns with Qwen alone")
    async with _chain(_qwen(fakes)) as alone:
        own = percentile([turn.first_s for turn in await _many(alone)], 99)
    report.add("Qwen's own first word, p99", own * 1e3, "ms", None, f"{_AT_A_TIME} at a time")
    turns = []
    for fault in FAULTS:
        met = await _with_fault(fakes, fault, step)
        turns += met
        how = f"first word less Qwen's own, both p99 of {_TURNS} turns that all meet the fault"
        first = percentile([turn.first_s for turn in met], 99)
        report.add(f"Gemini {fault}: added", first - own, "s", BUDGET_S, how)
    how = f"{_TURNS} turns of each of these faults: a whole answer of Qwen's"
    _add_answered(report, "Gemini fails", turns, how)
    await _open_breaker(report, fakes, step)


async def untimed(report: Report, fakes: Fakes, step: Callable[[str], None]) -> None:
    """What matters is which words there are, and whose."""
    turns = []
    for fault in (BROKEN_OFF, LATE):
        turns += await _with_fault(fakes, fault, step)
    how = f"{_TURNS} turns with Gemini {BROKEN_OFF}, of which the caller is told, and {LATE}"
    _add_answered(report, "Gemini in mid-answer or late", turns, how)
    await _recovery(report, fakes, step)


def _add_answered(report: Report, what: str, turns: Sequence[Turn], how: str) -> None:
    lost = sum(not turn.is_answered for turn in turns)
    twice = sum(turn.words_said_twice for turn in turns)
    report.add(f"{what}: turns without an answer", lost, f"of {len(turns)}", 0, how)
    report.add(f"{what}: words said twice", twice, "words", 0, "in the same turns")


async def _with_fault(fakes: Fakes, fault: str, step: Callable[[str], None]) -> list[Turn]:
    step(f"{_TURNS} turns with Gemini {fault}")
    async with _chain(_gemini(fakes), _qwen(fakes), breaker=_NEVER_OPENS) as chain:
        await fakes.become(fault)
        turns = await _many(chain)
    await fakes.become(WELL)
    return turns


async def _open_breaker(report: Report, fakes: Fakes, step: Callable[[str], None]) -> None:
    step("the breaker open, and Qwen alone, in turn")
    through, straight = [], []
    async with _chain(_qwen(fakes)) as alone, _chain(_gemini(fakes), _qwen(fakes)) as both:
        await _open(both, fakes)
        asked = (await fakes.asked())["gemini"]
        for _ in range(_PAIRS):
            straight.append((await ask(alone)).first_s)
            through.append((await ask(both)).first_s)
        assert (await fakes.asked())["gemini"] == asked, "the breaker was not open"
        await fakes.become(WELL)
    how = f"first word less that of Qwen alone, {_PAIRS} turns each, in turn"
    for name, value in (("median", median), ("p95", lambda all: percentile(all, 95))):
        added = value(through) - value(straight)
        report.add(f"breaker open: added, {name}", added * 1e3, "ms", _OPEN_ADDS_S * 1e3, how)


async def _recovery(report: Report, fakes: Fakes, step: Callable[[str], None]) -> None:
    policy = BreakerPolicy(cooldown_s=_COOLDOWN_S)
    needed = []
    for number in range(_OUTAGES):
        step(f"Gemini comes back, {number + 1} of {_OUTAGES}")
        async with _chain(_gemini(fakes), _qwen(fakes), breaker=policy) as chain:
            await _open(chain, fakes)
            await fakes.become(WELL)
            await asyncio.sleep(_COOLDOWN_S)
            needed.append(await _turns_until_gemini(chain))
    how = f"turns after the cool-down until Gemini serves, the most of {_OUTAGES} outages"
    report.add("recovery", max(needed), "turns", 1, how)


async def _open(chain: Chain, fakes: Fakes) -> None:
    """Gemini fails until the breaker is open; one turn may be too short for all its attempts."""
    await fakes.become("failing")
    failures = BreakerPolicy().failures_to_open
    enough = (await fakes.asked())["gemini"] + failures
    for _ in range(failures):
        if (await fakes.asked())["gemini"] < enough:
            await ask(chain)


async def _turns_until_gemini(chain: Chain) -> int:
    for number in range(1, 10):
        if (await ask(chain)).text == GEMINI_SAYS:
            return number
    return 10


async def _many(chain: Chain) -> list[Turn]:
    """So many turns, some at a time and not in step, as calls in processes of their own are not."""

    async def some() -> list[Turn]:
        await asyncio.sleep(random.uniform(0, BUDGET_S))
        return [await ask(chain) for _ in range(_TURNS // _AT_A_TIME)]

    several: Sequence[Awaitable[list[Turn]]] = [some() for _ in range(_AT_A_TIME)]
    return [turn for turns in await asyncio.gather(*several) for turn in turns]


async def ask(chain: Chain) -> Turn:
    """One turn of a call, without the call."""
    began, first_s, text = time.perf_counter(), 0.0, ""
    try:
        async with aclosing(chain.stream(_REQUEST)) as items:
            async for item in items:
                if isinstance(item, Text):
                    first_s = first_s or time.perf_counter() - began
                    text += item.text
    except LlmFailed as failed:
        return Turn(first_s or time.perf_counter() - began, text, failed.kind)
    return Turn(first_s, text)


@asynccontextmanager
async def _chain(
    *members: Transport, breaker: BreakerPolicy | None = None
) -> AsyncGenerator[Chain, None]:
    """A warm one with a board of its own."""
    policy = ChainPolicy(silence_budget_s=BUDGET_S, breaker=breaker or BreakerPolicy())
    with tempfile.TemporaryDirectory() as folder:
        board = Board(Path(folder) / "board.sqlite3")
        chain = Chain(members, board, policy)
        try:
            await chain.warm()
            yield chain
        finally:
            await chain.close()
            board.close()


def _gemini(fakes: Fakes) -> Transport:
    return Gemini(LlmConfig(model="bench", base_url=fakes.gemini, api_key="bench"))


def _qwen(fakes: Fakes) -> Transport:
    return ChatCompletions("qwen", LlmConfig(model="bench", base_url=f"{fakes.qwen}/v1"))
