"""When a model is asked and when it is left alone: a circuit breaker, pure.

    closed ──3 failures in a row──▶ open ──cool-down over──▶ half-open ──success──▶ closed
                                        ▲                           │
                                        └──── a probe fails: twice the cool-down

Times are seconds on any one clock. A clock that was set back does not keep a breaker open for
longer than one cool-down.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from parley_orchestrator.errors import FailureKind

State: TypeAlias = Literal["closed", "open", "half_open"]

COUNTED: frozenset[FailureKind] = frozenset(
    {"connect", "timeout", "empty", "cut", "malformed", "rate_limited", "server", "auth"}
)
"""The failures that say something about the model; the others are about the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """
    Args:
        failures_to_open: consecutive ones.
        cooldown_s: until the first probe; doubles with each probe that fails.
        max_cooldown_s: it doubles up to this.
        probe_lease_s: how long a probe that was never heard of again keeps others from probing.
    """

    failures_to_open: int = 3
    cooldown_s: float = 30.0
    max_cooldown_s: float = 300.0
    probe_lease_s: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is remembered of a model.

    Args:
        generation: how often it opened, opened again or closed; what was asked in one generation
            says nothing in another.
        failures: consecutive ones while closed.
        cooldown_s: 0 while closed.
        open_until: when the cool-down is over.
        lease: the number of the latest probe.
        lease_until: until when nobody else probes.
    """

    generation: int = 0
    failures: int = 0
    cooldown_s: float = 0.0
    open_until: float = 0.0
    lease: int = 0
    lease_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """Permission for one attempt, shown again with its outcome.

    Args:
        lease: of a probe its number, else 0.
    """

    generation: int
    lease: int = 0


def state(breaker: Breaker, now: float) -> State:
    if not breaker.cooldown_s:
        return "closed"
    return "half_open" if _is_over(breaker.open_until, now, breaker.cooldown_s) else "open"


def admitted(breaker: Breaker, now: float, policy: BreakerPolicy) -> tuple[Breaker, Ticket | None]:
    """Permission to ask, or None while it is open or another one probes."""
    match state(breaker, now):
        case "closed":
            return breaker, Ticket(breaker.generation)
        case "half_open" if _is_over(breaker.lease_until, now, policy.probe_lease_s):
            probed = replace(
                breaker, lease=breaker.lease + 1, lease_until=now + policy.probe_lease_s
            )
            return probed, Ticket(probed.generation, probed.lease)
        case _:
            return breaker, None


def insisted(breaker: Breaker, now: float, policy: BreakerPolicy) -> tuple[Breaker, Ticket]:
    """Permission to ask whatever its state, for a model that nobody stands behind."""
    allowed, ticket = admitted(breaker, now, policy)
    return allowed, ticket or Ticket(allowed.generation)


def succeeded(breaker: Breaker, ticket: Ticket) -> Breaker:
    """After a whole answer."""
    if ticket.generation != breaker.generation:
        return breaker
    if not breaker.cooldown_s:
        return replace(breaker, failures=0)
    return Breaker(generation=breaker.generation + 1, lease=breaker.lease)


def failed(breaker: Breaker, ticket: Ticket, now: float, policy: BreakerPolicy) -> Breaker:
    """After a failure that is `COUNTED`."""
    if ticket.generation != breaker.generation:
        return breaker
    if not breaker.cooldown_s:
        failures = breaker.failures + 1
        if failures < policy.failures_to_open:
            return replace(breaker, failures=failures)
        return _opened(breaker, now, policy.cooldown_s)
    if ticket.lease != breaker.lease or not ticket.lease:
        return breaker
    return _opened(breaker, now, min(2 * breaker.cooldown_s, policy.max_cooldown_s))


def released(breaker: Breaker, ticket: Ticket) -> Breaker:
    """After an attempt that says nothing: the next turn may probe."""
    holds_it = ticket.lease and ticket == Ticket(breaker.generation, breaker.lease)
    return replace(breaker, lease_until=0.0) if holds_it else breaker


def interrupted(breaker: Breaker, ticket: Ticket) -> Breaker:
    """After an answer that had begun when its caller left.

    It ends a row of failures; whether a probe would have come to its end is not known.
    """
    if ticket.generation == breaker.generation and not breaker.cooldown_s:
        return replace(breaker, failures=0)
    return released(breaker, ticket)


def _opened(breaker: Breaker, now: float, cooldown_s: float) -> Breaker:
    return Breaker(
        generation=breaker.generation + 1,
        cooldown_s=cooldown_s,
        open_until=now + cooldown_s,
        lease=breaker.lease,
    )


def _is_over(until: float, now: float, length_s: float) -> bool:
    """Whether `until` has come, or is further away than it ever was (a second, for rounding)."""
    return now >= until or until - now > length_s + 1.0
