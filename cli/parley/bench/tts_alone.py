"""One caller of Kokoro over HTTP, in turn with the same model without a server."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from parley.bench.bare_kokoro import BarePipeline, BareRuntime
from parley.bench.figures import Report
from parley.bench.served import served
from parley.bench.tts_client import TtsCaller

_ROUNDS = 5
# Twenty words each. What the weights say at random about lengths is not the same for all.
_WITH_COMMAS = (
    "If the fever comes back tonight, take two of the small tablets, drink plenty of water, "
    "and call us again.",
    "Thank you for waiting, I can see your appointment with the doctor, and it is still at ten "
    "on Monday.",
    "When you arrive at the clinic, please go to the desk on the left, where someone will be "
    "waiting there.",
    "Your prescription is ready, so you can collect it from the pharmacy near the station before "
    "they close at eight.",
    "In that case, I would like you to speak with a nurse, who can tell you what to do now.",
)
_WITHOUT_COMMAS = (
    "The nurse will call you back tomorrow morning to tell you about the results of the test "
    "that you took.",
    "Please bring the letter from your doctor and a list of the medicines that you have taken "
    "since last week.",
    "You can park your car behind the old hospital and walk through the garden to the main "
    "door from there.",
    "We will send the results of your blood test to the doctor who looked after you in the "
    "early spring.",
    "I have moved your appointment from Monday afternoon to Wednesday morning because the doctor "
    "is away for most of May.",
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
        for name, texts in (("with commas", _WITH_COMMAS), ("without a comma", _WITHOUT_COMMAS)):
            starts = []
            for number, text in enumerate(texts, 1):
                step(f"20 words {name}, bare and served in turn, {number} of {len(texts)}")
                starts.append(await _started(text, bare, caller))
            shares += [start.share_s for start in starts]
            _add_first_byte(report, name, starts)
        step("the same phrases, bare and served in turn")
        await _same_phrases(report, bare, caller)
    how = f"first byte - (G2P + model on the same first clause), median of {len(shares)} sentences"
    report.add("the server's share of the first byte", median(shares) * 1e3, "ms", 15, how)
    await asyncio.to_thread(bare.close)


@dataclass(frozen=True, slots=True)
class _Start:
    """Of one sentence, in seconds: medians of rounds that were taken in turn.

    Args:
        first_s: until the first byte that was served.
        share_s: what the server added to the same first clause without it.
        whole_s: of the whole sentence in one call without a server.
    """

    first_s: float
    share_s: float
    whole_s: float


async def _started(text: str, bare: BareRuntime, caller: TtsCaller) -> _Start:
    firsts, wholes, clauses = [], [], []
    await caller.hear(text)
    for work in (bare.whole, bare.first_clause):
        await asyncio.to_thread(work, text)
    for _ in range(_ROUNDS):
        # What is compared to the millisecond comes after the other side: its caches are cold, too.
        wholes.append(await asyncio.to_thread(bare.whole, text))
        firsts.append((await caller.hear(text)).first_s)
        clauses.append(await asyncio.to_thread(bare.first_clause, text))
    shares = (first - clause for first, clause in zip(firsts, clauses, strict=True))
    return _Start(median(firsts), median(shares), median(wholes))


def _add_first_byte(report: Report, name: str, starts: Sequence[_Start]) -> None:
    ratios = [start.first_s / start.whole_s for start in starts]
    how = (
        f"first byte / the whole sentence in one call, alone: median of {len(starts)} sentences, "
        f"{min(ratios):.2f} to {max(ratios):.2f}"
    )
    report.add(f"first byte of 20 words {name}", median(ratios), "x", 0.45, how)
    served = median(start.first_s for start in starts) * 1e3
    report.add(f"the same in {name}, served", served, "ms", None, "")


async def _same_phrases(report: Report, bare: BareRuntime, caller: TtsCaller) -> None:
    ratios = []
    for text in (*_WITH_COMMAS, *_WITHOUT_COMMAS) * 2:
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
