"""One caller of Kokoro over HTTP, in turn with the same model without a server."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from statistics import median

from parley.bench.bare_kokoro import BarePipeline, BareRuntime
from parley.bench.figures import Report
from parley.bench.served import served
from parley.bench.tts_client import TtsCaller

_ROUNDS = 7
# Twenty words each.
_WITH_COMMAS = (
    "If the fever comes back tonight, take two of the small tablets, drink plenty of water, "
    "and call us again."
)
_WITHOUT_COMMAS = (
    "The nurse will call you back tomorrow morning to tell you about the results of the test "
    "that you took."
)
_SPANISH = (
    "La enfermera le llamará mañana por la mañana para darle los resultados de la prueba que "
    "usted se hizo ayer."
)
_ENGLISH_VOICE, _SPANISH_VOICE = "af_heart", "ef_dora"


def measure(report: Report, model: Path, step: Callable[[str], None]) -> None:
    with served("tts", {"engine": "kokoro", "model": str(model), "cache_mb": 0}) as service:
        asyncio.run(_english(report, model, service.url, step))
        asyncio.run(_spanish(report, model, service.url, step))


async def _english(report: Report, model: Path, url: str, step: Callable[[str], None]) -> None:
    step("loading the model without a server")
    bare = await asyncio.to_thread(BareRuntime, model, _ENGLISH_VOICE, "en-US")
    shares = []
    async with TtsCaller(url, "kokoro", _ENGLISH_VOICE) as caller:
        for name, text in (("with commas", _WITH_COMMAS), ("without a comma", _WITHOUT_COMMAS)):
            step(f"a sentence of 20 words {name}, bare and served in turn")
            shares += await _first_byte(report, name, text, bare, caller)
        step("the same phrases, bare and served in turn")
        await _same_phrases(report, bare, caller)
    how = f"first byte - (G2P + model on the same first clause), median of {len(shares)} in turn"
    report.add("the server's share of the first byte", median(shares) * 1e3, "ms", 15, how)
    await asyncio.to_thread(bare.close)


async def _first_byte(
    report: Report, name: str, text: str, bare: BareRuntime, caller: TtsCaller
) -> list[float]:
    """What the server added each time, in seconds."""
    firsts, wholes, clauses = [], [], []
    await caller.hear(text)
    for work in (bare.whole, bare.first_clause):
        await asyncio.to_thread(work, text)
    for _ in range(_ROUNDS):
        # What is compared to the millisecond comes after the other side: its caches are cold, too.
        wholes.append(await asyncio.to_thread(bare.whole, text))
        firsts.append((await caller.hear(text)).first_s)
        clauses.append(await asyncio.to_thread(bare.first_clause, text))
    how = f"first byte / the whole sentence in one call, alone, medians of {_ROUNDS} in turn"
    ratio = median(firsts) / median(wholes)
    report.add(f"first byte of 20 words {name}", ratio, "x", 0.45, how)
    report.add(f"the same in {name}, served", median(firsts) * 1e3, "ms", None, "")
    return [first - clause for first, clause in zip(firsts, clauses, strict=True)]


async def _same_phrases(report: Report, bare: BareRuntime, caller: TtsCaller) -> None:
    ratios = []
    for text in (_WITH_COMMAS, _WITHOUT_COMMAS) * _ROUNDS:
        heard = await caller.follow(text)
        ends = [chunk.end for chunk in heard.chunks]
        ratios.append(heard.whole_s / await asyncio.to_thread(bare.in_chunks, text, ends))
    how = f"the same phrases on the same runtime, median of {len(ratios)} in turn"
    report.add("whole request over the bare runtime", median(ratios), "x", 1.05, how)


async def _spanish(report: Report, model: Path, url: str, step: Callable[[str], None]) -> None:
    """The language is one that Kokoro's pipeline reads as the server does: by espeak-ng."""
    step("the bare pipeline on torch and the server in turn")
    bare = await asyncio.to_thread(BarePipeline, model, _SPANISH_VOICE, "e")
    alone, over_http = [], []
    async with TtsCaller(url, "kokoro", _SPANISH_VOICE) as caller:
        await asyncio.to_thread(bare.whole, _SPANISH)
        await caller.hear(_SPANISH)
        for _ in range(_ROUNDS):
            alone.append(await asyncio.to_thread(bare.whole, _SPANISH))
            over_http.append((await caller.hear(_SPANISH)).whole_s)
    ratio = median(over_http) / median(alone)
    how = f"KPipeline on torch, same text and weights, 20 words, medians of {_ROUNDS} in turn"
    report.add("whole request over the bare pipeline", ratio, "x", 1.05, how)
