"""The benchmark of hostile uploads measures what it says; its figures are not judged here."""

import os

import pytest

from parley.bench import hostile
from parley.bench.bombs import BOMBS
from parley.bench.figures import Report
from parley.bench.served import Served
from parley.errors import ServiceFailed
from tests.stt.breakable import service
from tests.stt.recordings import WEATHER


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "_MAX_BYTES", 128 << 10)
    for name in ("_ROUNDS", "_REQUESTS"):
        monkeypatch.setattr(hostile, name, 1)


def measure(max_audio_s: float) -> Report:
    report = Report("hostile")
    with service(max_audio_s=max_audio_s) as stt:
        here = Served(stt.url, os.getpid())
        hostile.measure(report, here, WEATHER.read_bytes(), lambda step: None)
    return report


def test_each_bomb_and_its_neighbours_are_measured() -> None:
    figures = {figure.name: figure.value for figure in measure(max_audio_s=60).figures}

    assert all(figures[f"{kind} bomb refused"] > 0 for kind in BOMBS)
    assert figures["bomb, peak extra memory"] >= 0
    assert figures["short requests beside bombs, p95"] > 0


def test_a_bomb_that_is_not_refused_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "_MAX_BYTES", 8 << 10)
    with pytest.raises(ServiceFailed, match="not refused"):
        measure(max_audio_s=600)
