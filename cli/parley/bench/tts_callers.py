"""Several callers of Kokoro at once: who has to wait, and whose speech stops."""

import asyncio
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from statistics import median

from parley.bench.figures import Report, percentile
from parley.bench.lag import lag_buckets, lag_p99_ms
from parley.bench.playback import Heard, gaps, overtaken
from parley.bench.served import served
from parley.bench.tts_client import TtsCaller, at_once

_ROUNDS = 5
_VOICE = "af_heart"


def measure(report: Report, model: Path, step: Callable[[str], None]) -> None:
    with served("tts", {"engine": "kokoro", "model": str(model), "cache_mb": 0}) as service:
        asyncio.run(callers(report, service.url, TtsCaller(service.url, "kokoro", _VOICE), step))


async def callers(report: Report, url: str, caller: TtsCaller, step: Callable[[str], None]) -> None:
    """Each load by itself, in turn with one caller."""
    speeches = files("parley.bench").joinpath("speeches.txt").read_text("utf-8").splitlines()
    alone: list[Heard] = []
    together: dict[int, list[list[Heard]]] = {2: [], 4: []}
    before = await lag_buckets(url, ["tts"])
    async with caller:
        await caller.follow(speeches[0])
        for number in range(_ROUNDS):
            step(f"one, two and four callers, round {number + 1} of {_ROUNDS}")
            alone.append(await caller.follow(speeches[number % len(speeches)]))
            for count, rounds in together.items():
                rounds.append(await at_once(caller, speeches[:count]))
    after = await lag_buckets(url, ["tts"])
    _first_audio(report, alone, together[4])
    rtf = median(heard.whole_s / heard.audio_s for heard in alone)
    report.add("one caller, RTF", rtf, "", None, "whole request / audio, three sentences")
    for rounds in ([[one] for one in alone], *together.values()):
        _playback(report, rtf, rounds)
    lag = lag_p99_ms(before, after)
    report.add("event-loop lag, p99", lag, "ms", 20, "during one, two and four callers")


def _first_audio(report: Report, alone: Sequence[Heard], rounds: Sequence[Sequence[Heard]]) -> None:
    late = sum(map(overtaken, rounds))
    how = f"first audio after another one's third chunk; {len(rounds)} rounds of three sentences"
    report.add("four callers: overtaken", late, "callers", 0, how)
    single = median(heard.first_s for heard in alone)
    waited = [heard.first_s for heard in _flat(rounds)]
    how = f"p95 of {len(waited)} over the median of {len(alone)} alone, in turn"
    ratio = percentile(waited, 95) / single
    report.add("four callers: first byte over that of one", ratio, "x", 4.5, how)
    report.add("one caller: first byte", single * 1e3, "ms", None, "")


def _playback(report: Report, rtf: float, rounds: Sequence[Sequence[Heard]]) -> None:
    """There can be no gaps only where the model makes speech faster than all of them play it."""
    count = len(rounds[0])
    silences = [gap for heard in _flat(rounds) for gap in gaps(heard.arrivals)]
    load = count * rtf
    how = f"played from the first byte on; {count} x RTF is {load:.2f}"
    goal = 0 if load < 1 else None
    if goal is None:
        how += ", slower than real time"
    name = f"{count} caller{'s' * (count > 1)}: playback gaps"
    report.add(name, len(silences), "", goal, how)
    report.add(f"{name}, total", sum(silences), "s", goal, f"of {len(_flat(rounds))} speeches")


def _flat(rounds: Sequence[Sequence[Heard]]) -> list[Heard]:
    return [heard for one in rounds for heard in one]
