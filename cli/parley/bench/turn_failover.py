"""Gemini fails in calls: what the caller hears and when, and what one call learns from another."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from parley.bench.figures import Report
from parley.bench.turn_call import Call, calling, last_words
from parley.bench.turn_fakes import WELL, Fakes
from parley.bench.turn_models import BUDGET_S, FAULTS, QWEN_SAYS
from parley.bench.turn_speech import GEMINI, QWEN, seconds_of

_TURNS = 2
_CALLS = 6
_SAME = 0.1
"""Of the length of an answer: so far apart may be what was said and what was heard of it."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """Of one turn.

    Args:
        after_s: from the end of the question until Qwen's answer is heard.
        came_s: until its first sound came, which may have to wait for a phrase before it.
        share: how much of the answer was heard, 1 for all of it once.
    """

    after_s: float
    came_s: float
    share: float


async def measure(report: Report, fakes: Fakes, step: Callable[[str], None]) -> None:
    own_s = await _own(fakes, step)
    report.add("Qwen alone: first audio", own_s, "s", None, f"median of {_TURNS} turns, as below")
    turns: list[_Heard] = []
    patient = {**fakes.environment(chain="gemini,qwen"), "LLM_FAILURES_TO_OPEN": "100"}
    async with calling(patient) as call:
        for fault in FAULTS:
            heard = await _with_fault(call, fakes, fault, step)
            turns += heard
            _add(report, fault, heard, own_s)
    await fakes.become(WELL)
    lost = sum(turn.share < 1 - _SAME for turn in turns)
    twice = sum(turn.share > 1 + _SAME for turn in turns)
    how = f"by the length of what was heard, {_TURNS} turns of each fault in one call"
    report.add("spoken answers that were not whole", lost, f"of {len(turns)}", 0, how)
    report.add("spoken answers with more than was said", twice, f"of {len(turns)}", 0, "the same")


def _add(report: Report, fault: str, heard: Sequence[_Heard], own_s: float) -> None:
    how = "first audio of the answer less Qwen's alone, the worst of so many turns"
    added = max(turn.after_s for turn in heard) - own_s
    report.add(f"in a call, Gemini {fault}: added", added, "s", BUDGET_S, how)
    came = max(turn.came_s for turn in heard) - own_s
    if came < added - _SAME:
        how = "the rest is a phrase before it, which asks the caller to wait"
        report.add("of this until the answer came", came, "s", None, how)


async def _own(fakes: Fakes, step: Callable[[str], None]) -> float:
    async with calling(fakes.environment(chain="qwen")) as call:
        await _turn(call)
        heard = []
        for number in range(1, _TURNS + 1):
            step(f"Qwen alone, turn {number} of {_TURNS}")
            heard.append((await _turn(call)).after_s)
    return median(heard)


async def _with_fault(
    call: Call, fakes: Fakes, fault: str, step: Callable[[str], None]
) -> list[_Heard]:
    await fakes.become(fault)
    heard = []
    for number in range(1, _TURNS + 1):
        step(f"a call while Gemini is {fault}, turn {number} of {_TURNS}")
        heard.append(await _turn(call))
    return heard


async def _turn(call: Call) -> _Heard:
    """One that Qwen answers."""
    loud = (GEMINI + QWEN) // 2
    ended, first = await call.ask(last_words(), loud)
    spoken_s = call.phone.loudspeaker.seconds(ended, loud)
    return _Heard(first.plays - ended, first.came - ended, spoken_s / seconds_of(QWEN_SAYS))


async def shared(report: Report, fakes: Fakes, step: Callable[[str], None]) -> None:
    """Each call is a process of its own, and has one turn; all have one board."""
    await fakes.become("hanging before headers")
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            **fakes.environment(chain="gemini,qwen"),
            "ORCHESTRATOR_BOARD": str(Path(folder) / "board.sqlite3"),
        }
        failing = 0
        while failing < _CALLS and await _asks_gemini(fakes, settings):
            failing += 1
            step(f"calls that share a board: {failing} failed")
    await fakes.become(WELL)
    how = "calls in processes of their own, a failing turn each, until one does not ask Gemini"
    report.add("breaker shared: failing calls before it opens", failing, "calls", 3, how)


async def _asks_gemini(fakes: Fakes, settings: Mapping[str, str]) -> bool:
    """Whether a call of one turn did."""
    before = (await fakes.asked())["gemini"]
    async with calling(settings) as call:
        await _turn(call)
    return (await fakes.asked())["gemini"] > before
