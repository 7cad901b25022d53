"""The device runs what is most urgent, batches what is alike, and lets go of who hung up."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from parley_stt.engines.whisper.device import Abandoned, Device, Job, Step
from tests.serving import wait_until

WITHIN_S = 1.0


@dataclass(frozen=True)
class Recorded:
    """A call that notes its batches, and that a test can hold up or make fail."""

    batches: list[list[str]] = field(default_factory=list, compare=False)
    begun: threading.Event = field(default_factory=threading.Event, compare=False)
    may_go_on: threading.Event = field(default_factory=threading.Event, compare=False)

    def run(self, model: Any, rows: Sequence[str]) -> Sequence[str]:
        self.batches.append(list(rows))
        self.begun.set()
        assert self.may_go_on.wait(10)
        if "poison" in rows:
            raise ValueError("a bad row")
        return [row.upper() for row in rows]


class Bench:
    """A device with one worker, and threads that run steps on it."""

    def __init__(self, device: Device, pool: ThreadPoolExecutor) -> None:
        self.device, self.pool = device, pool
        self.call = Recorded()

    def start(self, row: str, deadline: float = 0.0, job: Job | None = None) -> "Future[Any]":
        """Run a step; returns when it waits or runs."""
        before = self.load
        step = Step(job or Job(), self.call, row, deadline)
        running = self.pool.submit(self.device.run, step)
        wait_until(lambda: self.load > before or running.done(), WITHIN_S, "the step is there")
        return running

    @property
    def load(self) -> int:
        return self.device.waiting + sum(len(batch) for batch in self.call.batches)

    def hold(self) -> "Future[Any]":
        """Keep the worker busy until `may_go_on` is set."""
        held = self.start("held")
        assert self.call.begun.wait(WITHIN_S)
        return held


@pytest.fixture
def bench() -> Iterator[Bench]:
    device = Device(model=None, workers=1, rows=4)
    with ThreadPoolExecutor(8) as pool:
        bench = Bench(device, pool)
        try:
            yield bench
        finally:
            bench.call.may_go_on.set()
            device.close()


def test_steps_that_wait_together_run_together_and_get_their_own_results(bench: Bench) -> None:
    held = bench.hold()
    waiting = [bench.start(name) for name in "abc"]
    bench.call.may_go_on.set()

    assert [step.result(WITHIN_S) for step in waiting] == ["A", "B", "C"]
    assert held.result(WITHIN_S) == "HELD"
    assert bench.call.batches == [["held"], ["a", "b", "c"]]


def test_a_batch_is_no_larger_than_the_device_takes_and_the_most_urgent_are_in_it(
    bench: Bench,
) -> None:
    bench.hold()
    waiting = [
        bench.start(name, deadline)
        for name, deadline in zip("abcdef", range(6, 0, -1), strict=True)
    ]
    bench.call.may_go_on.set()

    assert [step.result(WITHIN_S) for step in waiting] == list("ABCDEF")
    assert bench.call.batches[1:] == [["f", "e", "d", "c"], ["b", "a"]]


def test_a_bad_row_fails_alone(bench: Bench) -> None:
    bench.hold()
    good, bad = bench.start("good"), bench.start("poison")
    bench.call.may_go_on.set()

    assert good.result(WITHIN_S) == "GOOD"
    with pytest.raises(ValueError, match="a bad row"):
        bad.result(WITHIN_S)


def test_an_abandoned_job_leaves_the_queue_and_its_threads_wake(bench: Bench) -> None:
    bench.hold()
    job = Job()
    waiting, other = bench.start("waiting", job=job), bench.start("other")
    bench.device.abandon(job)

    with pytest.raises(Abandoned):
        waiting.result(WITHIN_S)
    bench.call.may_go_on.set()
    assert other.result(WITHIN_S) == "OTHER"
    assert bench.call.batches == [["held"], ["other"]]


def test_the_thread_of_an_abandoned_job_wakes_while_its_step_is_still_running(
    bench: Bench,
) -> None:
    job = Job()
    running = bench.start("running", job=job)
    assert bench.call.begun.wait(WITHIN_S)
    bench.device.abandon(job)

    with pytest.raises(Abandoned):
        running.result(WITHIN_S)


def test_an_abandoned_job_starts_no_more_steps(bench: Bench) -> None:
    job = Job()
    bench.device.abandon(job)

    with pytest.raises(Abandoned):
        bench.start("late", job=job).result(WITHIN_S)


def test_closing_wakes_everybody_and_waits_for_the_call_in_the_model(bench: Bench) -> None:
    held, waiting = bench.hold(), bench.start("waiting")
    closing = bench.pool.submit(bench.device.close)

    for step in (held, waiting):
        with pytest.raises(Abandoned):
            step.result(WITHIN_S)
    assert not closing.done()
    bench.call.may_go_on.set()
    closing.result(WITHIN_S)
    with pytest.raises(Abandoned):
        bench.device.run(Step(Job(), bench.call, "late", 0.0))


def test_workers_run_in_parallel() -> None:
    device = Device(model=None, workers=2, rows=1)
    call = Recorded()
    with ThreadPoolExecutor(8) as pool:
        steps = [pool.submit(device.run, Step(Job(), call, name, 0.0)) for name in "ab"]
        wait_until(lambda: len(call.batches) == 2, WITHIN_S, "both run")
        call.may_go_on.set()
        assert {step.result(WITHIN_S) for step in steps} == {"A", "B"}
    device.close()


def test_a_job_arrives_when_it_is_made() -> None:
    before = time.monotonic()

    assert before <= Job().arrival <= time.monotonic()
