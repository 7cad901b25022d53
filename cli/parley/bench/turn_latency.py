"""From the end of a question to the first sound of its answer, through the real worker."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from parley.bench.figures import Report, percentile
from parley.bench.process import python, ready_process
from parley.bench.turn_call import calling, last_words, spoken_question
from parley.bench.turn_fakes import Fakes
from parley.bench.turn_phone import AUDIBLE, Samples

_FAKE_TURNS = 6
_STACK_TURNS = 12
_UP = python("parley", "up", "--port", "0", "--json")
_HOW = "last voiced sample of the question to the first audible frame, the worker in console mode"


async def alone(report: Report, fakes: Fakes, step: Callable[[str], None]) -> None:
    """What the worker itself takes: its services take nothing."""
    for stt, name in (("stt", "over Realtime"), ("batch", "by utterance")):
        settings = fakes.environment(chain="qwen", stt=stt)
        what = f"services without latency, STT {name}"
        seconds = await _turns(settings, last_words(), _FAKE_TURNS, what, step)
        how = f"{_HOW}; median of {_FAKE_TURNS} turns"
        report.add(f"first audio, no latency, STT {name}", median(seconds), "s", 0.45, how)
        slowest = max(seconds)
        report.add(f"slowest of these, STT {name}", slowest, "s", None, "")


async def with_stack(report: Report, step: Callable[[str], None]) -> None:
    """With the engines that are embedded, which share the machine with the worker."""
    step("the embedded stack starts")
    with ready_process(_UP) as (_, ready):
        settings = {"OPENAI_BASE_URL": str(ready["url"]), "LLM_CHAIN": "qwen"}
        seconds = await _turns(
            settings, spoken_question(), _STACK_TURNS, "the embedded stack", step
        )
    how = f"{_HOW}; {_STACK_TURNS} turns"
    report.add("first audio, embedded stack, p95", percentile(seconds, 95), "s", 1.0, how)
    report.add("first audio, embedded stack, median", median(seconds), "s", None, "")


async def _turns(
    settings: Mapping[str, str],
    speech: Samples,
    turns: int,
    what: str,
    step: Callable[[str], None],
) -> Sequence[float]:
    """Seconds to the first audio; a first turn warms up."""
    seconds = []
    step(f"{what}: a worker starts")
    async with calling(settings) as call:
        for number in range(turns + 1):
            step(f"{what}, turn {number} of {turns}")
            ended, first = await call.ask(speech, AUDIBLE)
            seconds.append(first.came - ended)
    return seconds[1:]
