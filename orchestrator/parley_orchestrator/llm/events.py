"""What a chain tells its observer, on the loop that it runs on and at once.

An observer neither waits nor raises.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from parley_orchestrator.errors import FailureKind


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """One attempt ended without an answer, or in the middle of one.

    Args:
        member: its name as in `LLM_CHAIN`.
        seconds: from the start of the attempt.
        is_heard: whether the caller had already got some of the answer.
    """

    member: str
    kind: FailureKind
    seconds: float
    is_heard: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """The first useful item came.

    Args:
        ttft_s: from the start of the attempt.
        waited_s: from the question, failed attempts included.
    """

    member: str
    ttft_s: float
    waited_s: float


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No member gave a useful item.

    Args:
        kind: of the last member's failure.
        waited_s: from the question.
    """

    kind: FailureKind
    waited_s: float


@dataclass(frozen=True, slots=True)
class AvailabilityChanged:
    """A breaker opened or closed, in this process."""

    member: str
    available: bool


Event: TypeAlias = AttemptFailed | Served | Unanswered | AvailabilityChanged
Observer: TypeAlias = Callable[[Event], None]


def unobserved(_event: Event) -> None:
    """The observer of a chain that nobody watches."""
