"""A service that is restarted while all are used, and what that did to who used it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parley.bench.compose_load import Load
from parley.bench.compose_stack import ComposeStack, docker
from parley.errors import ServiceFailed

# A deadline for a wait, and no figure.
_SERVED_WITHIN_S = 120.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Restart:
    """One restart of one service under load."""

    in_flight: int
    """Requests that were on their way through the service when it was told to stop."""
    lost: Sequence[str]
    """What those of them that were not served were told."""
    broken: Sequence[str]
    """The same of requests of all services that were neither served nor refused, ever."""
    away_s: float
    """From the signal until new requests of every kind were answered."""


async def restart(stack: ComposeStack, service: str, running: Load) -> Restart:
    """Restart a service that all callers are busy with; returns when it serves them again.

    Raises:
        ServiceFailed: it does not, or nothing was in flight when it was told to stop.
    """
    await busy(running)
    container, before = stack.container(service), time.time()
    await asyncio.to_thread(stack.run, "restart", service)
    at = monotonic(told_to_stop(container, before))
    await until(lambda: running.away_s(service, at) is not None, f"{service} serves again")
    # What was in flight is known when it has ended.
    await until(lambda: not running.open_since_before(at), "all that was in flight has ended")
    in_flight = running.in_flight(service, at)
    if not in_flight:
        raise ServiceFailed(f"Nothing of {service} was in flight when it was told to stop.")
    away_s = running.away_s(service, at) or 0.0
    return Restart(in_flight, running.lost(service, at), running.broken(), away_s)


async def busy(running: Load) -> None:
    """Wait until requests of each kind were served: everything is warm, and in flight."""
    await until(lambda: running.served(2), "the callers are served")


async def until(holds: Callable[[], bool], what: str) -> None:
    """
    Raises:
        ServiceFailed: it does not hold in time.
    """
    deadline = time.monotonic() + _SERVED_WITHIN_S
    while not holds():
        if time.monotonic() > deadline:
            raise ServiceFailed(f"Not within {_SERVED_WITHIN_S:.0f} s: {what}.")
        await asyncio.sleep(_POLL_S)


def told_to_stop(container: str, since: float) -> float:
    """When a container was sent its first signal after `since`, both as `time.time` has it.

    Raises:
        ServiceFailed: it was sent none.
    """
    signals = docker(
        *("events", "--since", f"{since:.3f}", "--until", f"{time.time():.3f}"),
        *("--filter", f"container={container}", "--filter", "event=kill"),
        *("--format", "{{.TimeNano}}"),
    ).split()
    if not signals:
        raise ServiceFailed("A container was restarted without a signal.")
    return int(signals[0]) / 1e9


def monotonic(at: float) -> float:
    """A time of `time.time`, as `time.monotonic` has it."""
    return at - time.time() + time.monotonic()
