"""Which inference runs next, and what runs together with it. Pure.

Transcribing a piece of audio is a chain of steps on the device: encode, generate, generate again
at a higher temperature, align. Steps of all callers wait in one list. Who is first is decided by
deadline, and a step's deadline is the moment at which its audio would be heard if the recording
were played from the caller's arrival on. So a short utterance is served in the order of arrival,
and a long file, which is transcribed faster than it plays, yields to all newcomers without ever
being starved by them: their deadlines grow with time and its own does not.

Steps that are the same call with other data go through the model as the rows of one batch. They
are gathered while the device is busy, and nobody waits for a batch to fill.
"""

from collections.abc import Hashable, Sequence
from itertools import islice
from typing import Protocol


class Waiting(Protocol):
    """A step as the scheduler sees it."""

    @property
    def deadline(self) -> float:
        """Seconds, on any clock that all steps share."""

    @property
    def call(self) -> Hashable:
        """What has to be equal for steps to be rows of one batch."""


def choose(waiting: Sequence[Waiting], max_rows: int) -> list[int]:
    """The step with the earliest deadline, and those next in line that can go with it.

    Args:
        waiting: at least one; of equal deadlines the one that came first goes first.

    Returns:
        Positions in `waiting`: the rows of the next batch.
    """
    order = sorted(range(len(waiting)), key=lambda index: waiting[index].deadline)
    call = waiting[order[0]].call
    same = (index for index in order if waiting[index].call == call)
    return list(islice(same, max_rows))
