"""What `bench llm` measures is what it says, on rounds that are too short to mean anything."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from parley.bench import llm
from parley.bench.figures import Report
from parley.bench.llm_client import Asker, first_tokens
from parley.bench.process import python, ready_process
from parley.bench.served import served


@pytest.fixture(scope="module")
def bare() -> Iterator[tuple[int, int]]:
    with ready_process(python("parley.bench.llm_servers", "bare")) as (child, ready):
        yield child.pid, int(str(ready["port"]))


@pytest.fixture(scope="module")
def proxy(bare: tuple[int, int]) -> Iterator[int]:
    settings = {"engine": "proxy", "upstream_url": f"http://127.0.0.1:{bare[1]}/v1"}
    with served("llm", settings) as service:
        yield int(service.url.rpartition(":")[2])


def test_a_first_token_is_timed_and_the_rest_is_left_out(bare: tuple[int, int]) -> None:
    async def ask() -> float:
        async with Asker(bare[1]) as asker:
            return await asker.first_token(events=2, first_after_s=0.1, every_s=0.2)

    started = time.perf_counter()
    first = asyncio.run(ask())

    assert 0.1 <= first < time.perf_counter() - started - 0.1


def test_both_servers_are_asked_as_often(bare: tuple[int, int], proxy: int) -> None:
    direct, through = asyncio.run(first_tokens((bare[1], proxy), 5))

    assert len(direct) == len(through) == 5


def test_an_event_through_the_edge_costs_something(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_PAIRS": 1, "_ROUNDS": 1, "_STREAMS": 8, "_EVENTS": 50}.items():
        monkeypatch.setattr(llm, name, value)
    report = Report("llm")
    llm._edge_cpu(report, lambda step: None)

    assert len(report.figures) == 3
    assert all(figure.value > 0 for figure in report.figures)


def test_places_are_counted_until_they_are_free(
    bare: tuple[int, int], proxy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm, "_HANG_UPS", 8)
    monkeypatch.setattr(llm, "_AT_A_TIME", 8)
    report = Report("llm")
    llm._proxy_hang_ups(report, bare[1], proxy, lambda step: None)

    assert report.ok
    assert report.figures[1].value > 0
