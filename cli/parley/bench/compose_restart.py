"""A service that is restarted while all are used, and what that did to who used it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parley.bench.compose_load import Load
from parley.bench.compose_stack import ComposeStack
from parley.errors import ServiceFailed

# A deadline for a wait, and no figure.
_SERVED_WITHIN_S = 120.0
_POLL_S = 0.02
_TRIES = 3
_SIGNAL_SEEN_WITHIN_S = 10.0


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

    A restart at whose signal nothing was in flight tells nothing, and is done again.

    Raises:
        ServiceFailed: it does not serve again, or nothing was in flight, time after time.
    """
    for _ in range(_TRIES):
        seen = await _restarted(stack, service, running)
        if seen.in_flight:
            return seen
    raise ServiceFailed(f"Nothing of {service} was in flight whenever it was told to stop.")


async def _restarted(stack: ComposeStack, service: str, running: Load) -> Restart:
    await busy(running)
    await until(lambda: running.is_busy(service), f"all kinds of {service} are in flight")
    at = await stopping(stack.container(service), lambda: stack.run("restart", service))
    served_again_at = await _served_again_at(running, service, time.monotonic())
    # What was in flight is known when it has ended.
    await until(lambda: not running.open_since_before(at), "all that was in flight has ended")
    lost = running.lost(service, at)
    return Restart(running.in_flight(service, at), lost, running.broken(), served_again_at - at)


async def _served_again_at(running: Load, service: str, back: float) -> float:
    found = list[float]()

    def again() -> bool:
        at = running.served_again_at(service, back)
        found.extend([] if at is None else [at])
        return at is not None

    await until(again, f"{service} serves again")
    return found[0]


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


async def stopping(container: str, restart: Callable[[], object]) -> float:
    """Restart a container, and tell when it was sent its signal, as `time.monotonic` has it.

    Raises:
        ServiceFailed: it was sent none.
    """
    # The engine forgets what is older than a few hundred events: who asks afterwards is too late.
    events = await asyncio.create_subprocess_exec(
        *("docker", "events", "--since", f"{time.time():.3f}", "--format", "{{.TimeNano}}"),
        *("--filter", f"container={container}", "--filter", "event=kill"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await asyncio.to_thread(restart)
        async with asyncio.timeout(_SIGNAL_SEEN_WITHIN_S):
            first = await _line(events)
    except TimeoutError:
        raise ServiceFailed("A container was restarted without a signal.") from None
    finally:
        events.kill()
        await events.wait()
    return int(first) / 1e9 - time.time() + time.monotonic()


async def _line(process: asyncio.subprocess.Process) -> bytes:
    return b"" if process.stdout is None else await process.stdout.readline()
