"""`bench tts` measures what it says; its figures are not judged here.

Kokoro has an environment of its own: what it is compared with there is tested with its tests.
"""

import asyncio
import importlib.util
from collections.abc import Iterator

import pytest

from parley.bench import tts, tts_callers, tts_steady
from parley.bench.figures import Report
from parley.bench.served import Served, served
from parley.bench.tts_client import TtsCaller
from parley.errors import BadInput, ServiceFailed

FLITE = {"engine": "flite"}


@pytest.fixture(scope="module")
def service() -> Iterator[Served]:
    with served("tts", {**FLITE, "cache_mb": 0}) as running:
        yield running


def figures(report: Report) -> dict[str, float]:
    return {figure.name: figure.value for figure in report.figures}


def test_without_kokoro_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tts, "_NEEDED", ("kokoro_of_nowhere",))
    assert importlib.util.find_spec("kokoro_of_nowhere") is None

    with pytest.raises(BadInput, match="make bench-tts"):
        tts.measure(lambda step: None)


@pytest.mark.anyio
async def test_a_caller_hears_all_of_a_speech_both_ways(service: Served) -> None:
    text = "The first clause is short, the second one is not, and there is a third. And a fourth!"
    async with TtsCaller(service.url, "tts-1", "alloy") as caller:
        raw, events = await caller.hear(text), await caller.follow(text)

    for heard in (raw, events):
        assert 0 < heard.first_s < heard.whole_s
        assert 4 < heard.audio_s < 12
    assert raw.audio_s == pytest.approx(events.audio_s, rel=0.05)
    ends = [chunk.end for chunk in events.chunks]
    assert ends == sorted(set(ends))
    assert ends[-1] == len(text) - 1
    assert events.chunks[0].at == events.arrivals[0].at


@pytest.mark.anyio
async def test_a_refused_request_ends_the_benchmark(service: Served) -> None:
    async with TtsCaller(service.url, "tts-1", "nobody") as caller:
        for ask in (caller.hear, caller.follow):
            with pytest.raises(ServiceFailed, match="400"):
                await ask("Hello.")


def test_callers_are_measured_alone_and_at_once(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tts_callers, "_ROUNDS", 1)
    report = Report("tts")
    caller = TtsCaller(service.url, "tts-1", "alloy")

    asyncio.run(tts_callers.callers(report, service.url, caller, lambda step: None))

    measured = figures(report)
    assert 0 < measured["one caller, RTF"] < 1
    assert measured["four callers: first byte over that of one"] > 0
    assert measured["event-loop lag, p99"] > 0
    assert {f"{n} caller{'s' * (n > 1)}: playback gaps" for n in (1, 2, 4)} <= measured.keys()


def test_repeated_phrases_and_memory_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_REPEATS": 3, "_SETTLING": 4, "_REQUESTS": 8, "_EVERY": 4}.items():
        monkeypatch.setattr(tts_steady, name, value)
    report = Report("tts")

    tts_steady.measure(report, FLITE, lambda step: None)

    measured = figures(report)
    assert measured["repeated phrase: first byte"] > 0
    assert measured["resident memory"] > 10
    assert "memory per 1,000 requests" in measured


def test_the_slope_is_that_of_the_line_through_the_points() -> None:
    assert tts_steady.slope([(0, 5.0), (50, 5.5), (100, 6.0)]) == pytest.approx(0.01)
