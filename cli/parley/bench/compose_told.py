"""What became of requests, as who sent them can tell."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    SERVED = "served"
    REFUSED = "refused"
    """Nothing was begun, and the caller was told so: it may ask again."""
    BROKEN = "broken"


class Refused(Exception):
    """The connection was not taken, or the answer is that the service is not there for now."""


Answered = Callable[[], None]
"""To be called when the first of an answer has come."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request; times are those of `time.monotonic`."""

    sent: float
    answered: float | None
    """When the first of the answer came."""
    ended: float
    outcome: Outcome
    said: str

    def in_flight(self, at: float) -> bool:
        return self.sent < at < self.ended
