"""`parley bench stack`: the whole stack as a newcomer meets it, from a clone to a spoken answer."""

import asyncio
import re
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from statistics import median

from parley.bench.figures import Report, percentile, word_errors
from parley.bench.lag import lag_buckets, lag_p99_ms
from parley.bench.process import python, ready_process, resident_bytes
from parley.client import Caller, Target, wav
from parley.errors import BadInput

_ROOT = Path(__file__).parents[3]
_UP = python("parley", "up", "--port", "0", "--json")
_STARTS = 3
_CALLERS = 4
_LOAD_S = 15.0
_SERVICES = ("stt", "tts", "llm", "ws-llm")


def measure(step: Callable[[str], None]) -> Report:
    report = Report("stack")
    step("fresh clone to the first spoken answer")
    _first_answer(report)
    _warm_starts(report, step)
    with ready_process(_UP) as (up, ready):
        url = str(ready["url"])
        step("twenty sentences, spoken and heard again")
        asyncio.run(_round_trip(report, url))
        step(f"{_CALLERS} requests in each engine for {_LOAD_S:.0f} s")
        asyncio.run(_lag_under_load(report, url))
        resident = resident_bytes(up.pid) / 1e6
        report.add("resident memory", resident, "MB", 600, "all processes, after the load above")
    return report


def _first_answer(report: Report) -> None:
    if not (_ROOT / ".git").exists():
        raise BadInput("bench stack clones the repository: run it from a git checkout.")
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "parley"
        started = time.perf_counter()
        subprocess.run(["git", "clone", "-q", str(_ROOT), str(clone)], check=True)
        with ready_process(["make", "-s", "up", "PORT=0", "ARGS=--json"], cwd=clone):
            seconds = time.perf_counter() - started
    how = "git clone, make up, until the answer has been spoken; packages in pip's cache"
    report.add("first answer", seconds, "s", 120, how)


def _warm_starts(report: Report, step: Callable[[str], None]) -> None:
    seconds = []
    for number in range(_STARTS):
        step(f"warm start {number + 1} of {_STARTS}")
        started = time.perf_counter()
        with ready_process(_UP):
            seconds.append(time.perf_counter() - started)
    how = f"parley up, until the answer has been spoken; median of {_STARTS}"
    report.add("warm start", median(seconds), "s", 5, how)


async def _round_trip(report: Report, url: str) -> None:
    sentences = files("parley.bench").joinpath("sentences.txt").read_text("utf-8").splitlines()
    errors, total, latencies = 0, 0, []
    async with Caller(Target(url)) as caller:
        for sentence in sentences:
            audio = await _spoken(caller, sentence)
            started = time.perf_counter()
            heard = await caller.hear(audio)
            latencies.append(time.perf_counter() - started)
            errors += word_errors(words(sentence), words(heard))
            total += len(words(sentence))
    how = f"{len(sentences)} everyday sentences, {total} words, default voice"
    report.add("word error rate, TTS to STT", 100 * errors / total, "%", 15, how)
    report.add("transcription, p95", percentile(latencies, 95), "s", None, "of those sentences")


def words(text: str) -> list[str]:
    """Lower case, without marks: the embedded STT engine writes none."""
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


async def _spoken(caller: Caller, text: str) -> bytes:
    return wav(b"".join([chunk async for chunk in caller.speak(text)]))


async def _lag_under_load(report: Report, url: str) -> None:
    """Four callers in each engine all the time; the lag is what the services measure themselves."""
    async with Caller(Target(url)) as caller:
        sentence = "Please speak a little more slowly, I did not understand."
        audio = await _spoken(caller, sentence)
        before = await lag_buckets(url, _SERVICES)

        async def hear() -> None:
            await caller.hear(audio)

        async def ask() -> None:
            [piece async for piece in caller.ask("How long does the flu last?")]

        async def speak() -> None:
            await _spoken(caller, sentence)

        await asyncio.gather(*(_repeat(job) for job in (hear, ask, speak) for _ in range(_CALLERS)))
        after = await lag_buckets(url, _SERVICES)
    how = f"{_CALLERS} requests in each of STT, LLM and TTS for {_LOAD_S:.0f} s"
    report.add("event-loop lag, p99", lag_p99_ms(before, after), "ms", 20, how)


async def _repeat(job: Callable[[], Awaitable[None]]) -> None:
    until = time.perf_counter() + _LOAD_S
    while time.perf_counter() < until:
        await job()
