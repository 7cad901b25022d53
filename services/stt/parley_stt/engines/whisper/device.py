"""The threads that run steps on the model, and the list in which steps wait for them."""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from parley_stt.engines.whisper import steps
from parley_stt.engines.whisper.calls import Call, Model

log = logging.getLogger("parley.stt.whisper")


class Abandoned(Exception):
    """Nobody waits for the transcription any more."""


@dataclass(eq=False, slots=True)
class Job:
    """One transcription, which may have several steps under way.

    Args:
        patience_s: by how much others of the same time go first.
    """

    patience_s: float = 0.0
    arrival: float = field(default_factory=time.monotonic)
    abandoned: bool = False


@dataclass(eq=False, slots=True)
class Step:
    """One call with one row."""

    job: Job
    call: Call
    row: Any
    deadline: float
    result: "Future[Any]" = field(default_factory=Future)


class Device:
    """See the module. `run` blocks its thread; all methods may be called from any.

    Args:
        workers: calls into the model that run at a time.
        rows: steps that may be one call.
    """

    def __init__(self, model: Model, workers: int, rows: int) -> None:
        self._model = model
        self._rows = rows
        self._changed = threading.Condition()
        self._waiting: list[Step] = []
        self._running: set[Step] = set()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"whisper {number}")
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def run(self, step: Step) -> Any:
        """The step's result.

        Raises:
            Abandoned: the job was, or the device is closed.
            RuntimeError, ValueError: the model's.
        """
        with self._changed:
            if step.job.abandoned or self._closed:
                raise Abandoned
            self._waiting.append(step)
            self._changed.notify()
        return step.result.result()

    def abandon(self, job: Job) -> None:
        """Drop what waits of a job and let go of what runs; its threads wake with `Abandoned`."""
        with self._changed:
            job.abandoned = True
            self._drop([step for step in (*self._waiting, *self._running) if step.job is job])

    def close(self) -> None:
        """Drop everything; returns when no call is in the model any more."""
        with self._changed:
            self._closed = True
            self._drop([*self._waiting, *self._running])
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _drop(self, unwanted: Sequence[Step]) -> None:
        self._waiting = [step for step in self._waiting if step not in unwanted]
        for step in unwanted:
            if not step.result.done():
                step.result.set_exception(Abandoned())

    def _work(self) -> None:
        while batch := self._next():
            outcomes = self._outcomes(batch)
            with self._changed:
                self._running.difference_update(batch)
                for step, outcome in zip(batch, outcomes, strict=True):
                    _settle(step, outcome)

    def _next(self) -> list[Step]:
        """The next batch; empty when the device is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return []
            batch = [self._waiting[at] for at in steps.choose(self._waiting, self._rows)]
            self._waiting = [step for step in self._waiting if step not in batch]
            self._running.update(batch)
            return batch

    def _outcomes(self, batch: Sequence[Step]) -> Sequence[Any]:
        """A result or an exception for each; one bad row does not spoil those of others."""
        try:
            return batch[0].call.run(self._model, [step.row for step in batch])
        except Exception as exc:
            if len(batch) == 1:
                return [exc]
            log.warning("a batch failed, its rows are run one by one", exc_info=exc)
        return [self._outcomes([step])[0] for step in batch]


def _settle(step: Step, outcome: Any) -> None:
    if step.result.done():
        return
    if isinstance(outcome, Exception):
        step.result.set_exception(outcome)
    else:
        step.result.set_result(outcome)
