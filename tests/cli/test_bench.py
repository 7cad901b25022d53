"""The benchmarks measure what they say; their figures are not judged here."""

import asyncio
import subprocess
from collections.abc import Iterator
from importlib import import_module

import pytest

from parley.bench import SUITES, kit, random_whisper, stack, stt_realtime, stt_whisper
from parley.bench.figures import Report
from parley.bench.process import children, python, ready_process, resident_bytes
from parley.errors import ServiceFailed
from tests.cli.commands import up


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[int, str]]:
    with up() as (child, ready):
        yield child.pid, ready["url"]


def figures(report: Report) -> dict[str, float]:
    return {figure.name: figure.value for figure in report.figures}


def test_the_cost_of_the_kit_is_measured_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_ROUNDS", "_REQUESTS"):
        monkeypatch.setattr(kit, name, 1)
    monkeypatch.setattr(kit, "_CLIENTS", 2)
    steps: list[str] = []

    measured = figures(kit.measure(steps.append))

    assert measured["CPU per SSE event, kit"] > 0
    assert measured["CPU per SSE event, bare"] > 0
    assert "added p99 at 50 in flight" in measured
    assert steps


def test_the_engine_is_measured_against_the_bare_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_ONE_BY_ONE", "_EACH", "_ROUNDS"):
        monkeypatch.setattr(stt_whisper, name, 1)
    monkeypatch.setattr(stt_whisper, "_LONG_S", 40.0)
    monkeypatch.setattr(random_whisper, "TINY", random_whisper.TEST)
    report = Report("stt")

    stt_whisper.measure(report, lambda step: None)

    measured = figures(report)
    assert measured["one utterance, served"] > 0
    assert measured["one utterance, bare"] > 0
    assert measured["p95 over an ideal queue"] > 0
    assert measured["short utterances beside a 10-minute file"] > 0


def test_realtime_sessions_are_measured_at_the_speed_of_speech(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "_UTTERANCES": 1,
        "_UTTERANCE_S": 2.0,
        "_SESSIONS": 2,
        "_SILENCE_S": 1.0,
    }.items():
        monkeypatch.setattr(stt_realtime, name, value)
    report = Report("stt")

    stt_realtime.measure(report, lambda step: None)

    assert all(value > 0 for value in figures(report).values())
    assert len(report.figures) == 3


def test_everyday_sentences_are_heard_again(running: tuple[int, str]) -> None:
    report = Report("stack")
    asyncio.run(stack._round_trip(report, running[1]))

    assert report.ok, figures(report)


def test_the_lag_is_measured_while_every_engine_works(
    running: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "_LOAD_S", 1.0)
    report = Report("stack")
    asyncio.run(stack._lag_under_load(report, running[1]))

    assert figures(report)["event-loop lag, p99"] > 0


def test_resident_memory_is_that_of_all_processes(running: tuple[int, str]) -> None:
    pid = running[0]

    assert len(children(pid)) >= 2
    assert resident_bytes(pid) > sum(map(resident_bytes, children(pid)))


def test_a_process_that_has_ended_holds_nothing() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()

    assert children(ended.pid) == []
    assert resident_bytes(ended.pid) == 0


def test_a_process_that_ends_early_is_a_sentence_with_its_last_words() -> None:
    with (
        pytest.raises(ServiceFailed, match="nowhere"),
        ready_process(python("parley.nowhere")),
    ):
        pass


@pytest.mark.parametrize("module", SUITES.values())
def test_every_suite_can_be_measured(module: str) -> None:
    assert callable(import_module(module).measure)
