"""`bench turn` measures what it says, in rounds that are too short to mean anything."""

import asyncio
import time
from collections.abc import Iterator

import numpy as np
import pytest

from parley.bench import turn, turn_chain, turn_failover, turn_latency, turn_memory
from parley.bench.figures import Report
from parley.bench.turn_call import answering, calling, last_words
from parley.bench.turn_chain import Turn
from parley.bench.turn_fakes import Fakes, fakes
from parley.bench.turn_models import FAULTS, GEMINI_SAYS, QWEN_SAYS
from parley.bench.turn_phone import AUDIBLE, RATE, Loudspeaker, Phone, Samples
from parley.bench.turn_speech import RATE as EAR_RATE
from parley.bench.turn_speech import Ear
from parley.errors import BadInput, ServiceFailed


@pytest.fixture(scope="module")
def services() -> Iterator[Fakes]:
    with fakes() as running:
        yield running


def sound(seconds: float, level: int, rate: int = RATE) -> Samples:
    return np.full(round(seconds * rate), level, np.int16)


def figures(report: Report) -> dict[str, float]:
    return {figure.name: figure.value for figure in report.figures}


def test_without_the_orchestrator_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "_NEEDED", "orchestrator_of_nowhere")

    with pytest.raises(BadInput, match="make dev"):
        turn.measure(lambda step: None)


def test_an_answer_is_whole_or_known_to_be_cut() -> None:
    half = GEMINI_SAYS[: len(GEMINI_SAYS) // 2]

    assert Turn(0, QWEN_SAYS).is_answered
    assert Turn(0, half, "cut").is_answered
    assert not Turn(0, half).is_answered
    assert not Turn(0, half + QWEN_SAYS).is_answered
    assert not Turn(1, "", "timeout").is_answered


def test_no_word_of_an_answer_comes_twice_unless_it_is_said_twice() -> None:
    assert Turn(0, GEMINI_SAYS).words_said_twice == 0
    assert Turn(0, QWEN_SAYS).words_said_twice == 0
    assert Turn(0, f"{QWEN_SAYS} Qwen answers").words_said_twice == 2


def test_an_utterance_ends_when_it_has_been_silent_for_long_enough() -> None:
    ear = Ear(silence_s=0.25)
    told = [
        [event["type"].rpartition(".")[2] for event in ear.push(piece.tobytes())]
        for piece in (
            sound(0.05, 0, EAR_RATE),
            sound(0.05, 9_000, EAR_RATE),
            sound(0.2, 0, EAR_RATE),
            sound(0.05, 0, EAR_RATE),
            sound(0.05, 0, EAR_RATE),
        )
    ]

    assert told == [[], ["speech_started"], [], ["speech_stopped", "completed"], []]


def test_one_loud_frame_alone_is_no_answer() -> None:
    loudspeaker = Loudspeaker()
    for level in (20_000, 3_000, 20_000, 20_000):
        loudspeaker.play(sound(0.02, level))

    first = loudspeaker.first(0.0, 10_000)

    assert first is loudspeaker.frames[2]
    assert first.plays >= loudspeaker.frames[0].plays + 0.039
    assert loudspeaker.seconds(0.0, 10_000) == pytest.approx(0.06)


@pytest.mark.anyio
async def test_a_question_ends_with_its_last_voiced_sample() -> None:
    async with answering(Phone) as (address, called):
        host, port = address.split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        phone = await called.get()
        began = time.monotonic()
        ended = await phone.say(np.concatenate((sound(0.1, AUDIBLE + 1), sound(0.2, AUDIBLE))))
        returned = time.monotonic()
        writer.close()

    assert began + 0.05 < ended < returned - 0.19


@pytest.mark.anyio
async def test_a_worker_that_cannot_start_is_a_sentence_with_its_last_words() -> None:
    with pytest.raises(ServiceFailed, match="LLM_CHAIN"):
        async with calling({"LLM_CHAIN": "nobody"}):
            pass


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "_TURNS": 4,
        "_AT_A_TIME": 4,
        "_PAIRS": 2,
        "_OUTAGES": 1,
        "_COOLDOWN_S": 0.1,
        "BUDGET_S": 0.4,
    }.items():
        monkeypatch.setattr(turn_chain, name, value)


@pytest.mark.usefixtures("short")
def test_every_fault_and_an_open_breaker_are_measured(services: Fakes) -> None:
    report = Report("turn")

    asyncio.run(turn_chain.measure(report, services, lambda step: None))

    measured = figures(report)
    assert {f"Gemini {fault}: added" for fault in FAULTS} <= measured.keys()
    assert measured["Gemini hanging before headers: added"] > 0.3
    assert measured["Gemini fails: turns without an answer"] == 0
    assert measured["Gemini fails: words said twice"] == 0
    assert "breaker open: added, p95" in measured


@pytest.mark.usefixtures("short")
def test_who_answers_is_told_apart(services: Fakes) -> None:
    report = Report("turn")

    asyncio.run(turn_chain.untimed(report, services, lambda step: None))

    assert report.ok, figures(report)
    assert figures(report)["recovery"] == 1


@pytest.mark.anyio
async def test_a_turn_is_timed_through_the_real_worker(services: Fakes) -> None:
    settings = services.environment(chain="qwen")
    (seconds,) = await turn_latency._turns(settings, last_words(), 1, "", lambda step: None)

    assert 0.25 < seconds < 10


@pytest.mark.anyio
async def test_what_is_heard_while_gemini_fails_is_measured(
    services: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_failover, "_TURNS", 1)
    settings = services.environment(chain="gemini,qwen")
    async with calling(settings) as call:
        (heard,) = await turn_failover._with_fault(call, services, "failing", lambda step: None)

    assert heard.share == pytest.approx(1, abs=0.1)
    assert heard.after_s >= heard.came_s > 0.25


def test_the_memory_of_calls_in_a_row_is_measured(
    services: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"_SETTLING": 0, "_CALLS": 1, "_EVERY": 1}.items():
        monkeypatch.setattr(turn_memory, name, value)
    report = Report("turn")

    asyncio.run(turn_memory.measure(report, services, lambda step: None))

    measured = figures(report)
    assert 0 < measured["memory of a call"] < measured["the worker at the end, idle"]
    assert "growth per call" in measured
