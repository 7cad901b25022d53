"""What a caller is told when something is late or fails, and the note that it was."""

from collections.abc import Callable
from dataclasses import dataclass

from parley_orchestrator.persona import Excuse, Persona
from parley_orchestrator.phrases import Phrases


def unnoted(_: Excuse) -> None:
    """For excuses that nobody counts."""


@dataclass(frozen=True, slots=True)
class Excuses:
    """
    Args:
        phrases: the persona's, with their speech as far as it could be fetched.
        note: called with each excuse that is made.
    """

    persona: Persona
    phrases: Phrases
    note: Callable[[Excuse], None] = unnoted

    def waiting(self, number: int) -> str:
        """The sentence for the `number`th time in a turn, from 0."""
        self.note("waiting")
        return self.persona.waiting[number % len(self.persona.waiting)]

    def failed(self, *, begun: bool) -> str:
        """The sentence for an answer that failed, at its end if it has `begun`."""
        self.note("cut_off" if begun else "sorry")
        return self.persona.cut_off if begun else self.persona.sorry

    def not_hearing(self) -> str:
        self.note("not_hearing")
        return self.persona.not_hearing
