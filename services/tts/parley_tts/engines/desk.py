"""The schedule as the threads see it that speak: each takes the most urgent chunk and makes it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from parley_tts.engine import Chunk, EngineError, Manner, TimedWord
from parley_tts.engines.synthesiser import Phrase, Sound, Synthesiser
from parley_tts.scheduling import Piece, Schedule, Speech

P = TypeVar("P", bound=Phrase)


@dataclass(frozen=True, slots=True)
class Silence:
    """A pause that the caller asked for."""

    seconds: float


class Assignment(Generic[P]):
    """A speech, and where its chunks go.

    Args:
        deliver: called by any thread with each chunk, with the error that ended the speech, or
            with None after its last chunk.
        relieve: called by any thread when the backlog has become less, with its size.
    """

    def __init__(
        self,
        manner: Manner,
        deliver: Callable[[Chunk | BaseException | None], None],
        relieve: Callable[[int], None],
    ) -> None:
        self.manner = manner
        self.deliver = deliver
        self.relieve = relieve
        self.speech: Speech[P | Silence] = Speech(time.monotonic())


class Desk(Generic[P]):
    """See the module; every method may be called by any thread."""

    def __init__(self, synthesiser: Synthesiser[P]) -> None:
        self._synthesiser = synthesiser
        self._schedule: Schedule[P | Silence] = Schedule(synthesiser.max_size, synthesiser.workers)
        self._assignments: dict[Speech[P | Silence], Assignment[P]] = {}
        self._changed = threading.Condition()
        self._is_open = True
        self._threads = [
            threading.Thread(target=self._work, name=f"{synthesiser.name}-{number}", daemon=True)
            for number in range(synthesiser.workers)
        ]

    def open(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Let chunks that are being made be finished, and nothing else."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        with self._changed:
            for assignment in self._assignments.values():
                assignment.deliver(EngineError("the engine was closed"))

    def join(self, assignment: Assignment[P]) -> None:
        """
        Raises:
            EngineError: the desk is closed.
        """
        with self._changed:
            if not self._is_open:
                raise EngineError("the engine was closed")
            self._assignments[assignment.speech] = assignment
            self._schedule.join(assignment.speech)

    def leave(self, assignment: Assignment[P]) -> None:
        """Stop speaking, at the latest after the chunk that is being made."""
        with self._changed:
            self._schedule.leave(assignment.speech)
            self._assignments.pop(assignment.speech, None)

    def add(self, assignment: Assignment[P], pieces: Sequence[Piece[P | Silence]]) -> int:
        """Have more said; the value is the size of all that waits now."""
        with self._changed:
            assignment.speech.pieces.extend(pieces)
            self._changed.notify()
            return assignment.speech.backlog()

    def end(self, assignment: Assignment[P]) -> None:
        """Nothing will be added."""
        with self._changed:
            assignment.speech.is_whole = True
            self._tell_the_end(assignment)

    def read(self, assignment: Assignment[P]) -> None:
        """The caller has taken a chunk."""
        with self._changed:
            assignment.speech.unread -= 1
            self._changed.notify()

    def _work(self) -> None:
        while (task := self._take()) is not None:
            assignment, pieces = task
            self._done(assignment, pieces, self._make(assignment.manner, pieces))

    def _take(self) -> tuple[Assignment[P], list[Piece[P | Silence]]] | None:
        """The next chunk to make, waited for; None when the desk is closed."""
        with self._changed:
            while self._is_open:
                taken = self._schedule.take(time.monotonic())
                if taken is not None:
                    speech, pieces = taken
                    assignment = self._assignments[speech]
                    assignment.relieve(speech.backlog())
                    return assignment, pieces
                self._changed.wait()
        return None

    def _make(self, manner: Manner, pieces: Sequence[Piece[P | Silence]]) -> Chunk | Exception:
        started = time.perf_counter()
        try:
            sound = self._sound(manner, [piece.content for piece in pieces])
        except Exception as exc:  # noqa: BLE001 - the caller's task raises it
            return exc
        return Chunk(sound.samples, time.perf_counter() - started, sound.words)

    def _sound(self, manner: Manner, contents: Sequence[P | Silence]) -> Sound:
        match contents:
            case [Silence(seconds)]:
                return Sound(np.zeros(round(seconds * self._synthesiser.sample_rate), np.int16))
        phrases = [one for one in contents if not isinstance(one, Silence)]
        return self._synthesiser.synthesise(phrases, manner)

    def _done(
        self,
        assignment: Assignment[P],
        pieces: Sequence[Piece[P | Silence]],
        made: Chunk | Exception,
    ) -> None:
        with self._changed:
            if isinstance(made, Exception):
                assignment.deliver(made)
                self._schedule.leave(assignment.speech)
                return
            speech = assignment.speech
            assignment.deliver(_shifted(made, speech.audio_s))
            audio_s = len(made.samples) / self._synthesiser.sample_rate
            size = sum(piece.size for piece in pieces)
            self._schedule.done(speech, size, made.engine_s, audio_s, time.monotonic())
            self._tell_the_end(assignment)

    def _tell_the_end(self, assignment: Assignment[P]) -> None:
        if assignment.speech.is_over:
            assignment.deliver(None)


def _shifted(chunk: Chunk, by_s: float) -> Chunk:
    """With the times of its words counted from the beginning of the speech."""
    words = tuple(TimedWord(w.span, w.start_s + by_s, w.end_s + by_s) for w in chunk.words)
    return Chunk(chunk.samples, chunk.engine_s, words)
