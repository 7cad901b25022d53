"""The faster-whisper engine over HTTP against the bare library, on the same made-up weights."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import httpx2

from parley.bench import random_whisper
from parley.bench.bare_whisper import BareWhisper, best, pools
from parley.bench.figures import Report, percentile
from parley.bench.lag import lag_buckets, lag_p99_ms
from parley.bench.served import served
from parley.bench.sound import speech, wav
from parley.bench.stt_client import SttCaller, closed_loop, while_running

_SHORT_S = 3.0
_LONG_S = 600.0
_ONE_BY_ONE = 16
_CALLERS = 8
_EACH = 5
_ROUNDS = 5
_FIXED_MS = 3.0
_SETTINGS = {
    "engine": "faster-whisper",
    "device": "cpu",
    "compute_type": "int8",
    "max_concurrency": _CALLERS,
}


def measure(report: Report, step: Callable[[str], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        step("writing a model with the architecture of Whisper tiny")
        model = random_whisper.write(Path(folder) / "tiny", random_whisper.TINY)
        with served("stt", {**_SETTINGS, "model": str(model)}) as service:
            workers = httpx2.get(f"{service.url}/status").json()["parallel"]
            asyncio.run(_against_the_bare(report, pools(model), workers, service.url, step))


async def _against_the_bare(
    report: Report,
    bare: Sequence[BareWhisper],
    workers: int,
    url: str,
    step: Callable[[str], None],
) -> None:
    before = await lag_buckets(url, ["stt"])
    alike = next(pool for pool in bare if pool.workers == workers)
    await _one_by_one(report, alike, url, step)
    step("looking for the best size of a pool for the bare model")
    await _callers(report, best(bare, speech(_SHORT_S), _CALLERS), url, step)
    await _beside_a_long_file(report, url, step)
    after = await lag_buckets(url, ["stt"])
    report.add(
        "event-loop lag, p99", lag_p99_ms(before, after), "ms", 20, "during all of the above"
    )


async def _one_by_one(
    report: Report, bare: BareWhisper, url: str, step: Callable[[str], None]
) -> None:
    step(f"{_ONE_BY_ONE} utterances, bare and served in turn")
    samples = speech(_SHORT_S)
    file, alone, over_http = wav(samples), [], []
    bare.transcribe(samples)  # warms up
    async with SttCaller(url) as caller:
        await caller.transcribe(file)
        for _ in range(_ONE_BY_ONE):
            alone.append(await asyncio.to_thread(bare.transcribe, samples))
            over_http.append(await caller.transcribe(file))
    ratio = (median(over_http) - _FIXED_MS / 1e3) / median(alone)
    how = (
        f"(served - {_FIXED_MS:.0f} ms) / bare, a {_SHORT_S:.0f} s utterance over HTTP, medians of "
        f"{_ONE_BY_ONE} in turn; Whisper tiny, int8, greedy, VAD, a thread of {bare.workers}"
    )
    report.add("one utterance over the bare model", ratio, "x", 1.03, how)
    report.add("one utterance, served", median(over_http) * 1e3, "ms", None, "")
    report.add("one utterance, bare", median(alone) * 1e3, "ms", None, "")


async def _callers(
    report: Report, bare: BareWhisper, url: str, step: Callable[[str], None]
) -> None:
    samples = speech(_SHORT_S)
    file, slower, queueing = wav(samples), [], []
    for number in range(_ROUNDS):
        step(f"{_CALLERS} callers, round {number + 1} of {_ROUNDS}")
        pool = await asyncio.to_thread(bare.throughput, samples, _CALLERS * _EACH)
        throughput, latencies = await closed_loop(url, file, _CALLERS, _EACH)
        slower.append(pool / throughput)
        queueing.append(percentile(latencies, 95) / (_CALLERS / pool))
    how = f"bare / served requests a second, {_CALLERS} callers; the best pool has {bare.workers}"
    report.add("throughput of the bare pool over ours", median(slower), "x", 1.0, how)
    how = f"p95 over {_CALLERS} / (bare requests a second), median of {_ROUNDS} rounds"
    report.add("p95 over an ideal queue", median(queueing), "x", 1.3, how)


async def _beside_a_long_file(report: Report, url: str, step: Callable[[str], None]) -> None:
    step("short utterances alone, then beside a file of ten minutes")
    short, long = wav(speech(_SHORT_S)), wav(speech(_LONG_S))
    async with SttCaller(url) as caller:
        alone = [await caller.transcribe(short) for _ in range(_ONE_BY_ONE)]
        beside = await while_running(caller.transcribe(long), lambda: caller.transcribe(short))
    ratio = percentile(beside, 95) / percentile(alone, 95)
    how = f"p95 of {len(beside)} utterances of {_SHORT_S:.0f} s over the p95 of {len(alone)} alone"
    report.add("short utterances beside a 10-minute file", ratio, "x", 2.0, how)
