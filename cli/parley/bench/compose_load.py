"""Callers of every kind, all the time, and what became of each of their requests."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from parley.bench.compose_requests import Kind, kinds
from parley.bench.compose_told import Attempt, Outcome, Refused

_PAUSE_S = 0.4
_REFUSED_PAUSE_S = 0.1
# Callers in step would all be in flight at a time, and then none: about a request and its pause.
_STAGGER_S = 1.6
_TIMEOUT_S = 60.0


@dataclass(slots=True)
class Load:
    """What callers of each kind met with so far; times are those of `time.monotonic`."""

    attempts: Mapping[Kind, list[Attempt]]
    open: dict[object, tuple[Kind, float]] = field(default_factory=dict)
    """Those that have not ended, by their caller: what each is, and when it was sent."""

    def served(self, times: int) -> bool:
        """Whether each kind of request was served as often."""
        return all(
            sum(one.outcome is Outcome.SERVED for one in attempts) >= times
            for attempts in self.attempts.values()
        )

    def open_since_before(self, at: float) -> bool:
        return any(sent < at for _, sent in self.open.values())

    def is_busy(self, service: str) -> bool:
        """Whether a request of each kind is on its way through a service."""
        through = {kind for kind in self.attempts if kind.passes(service)}
        return through <= {kind for kind, _ in self.open.values()}

    def broken(self) -> list[str]:
        """What requests of all kinds that were lost were told."""
        return self._told(self.attempts, Outcome.BROKEN)

    def refused(self) -> list[str]:
        """The same of requests that were refused."""
        return self._told(self.attempts, Outcome.REFUSED)

    def refused_elsewhere(self, service: str) -> list[str]:
        """The same of requests that do not need a service."""
        return self._told((k for k in self.attempts if not k.passes(service)), Outcome.REFUSED)

    def _told(self, kinds: Iterable[Kind], outcome: Outcome) -> list[str]:
        return [
            f"{kind.name}: {one.said}"
            for kind in kinds
            for one in self.attempts[kind]
            if one.outcome is outcome
        ]

    def in_flight(self, service: str, at: float) -> int:
        """How many requests that ended since were on their way through a service."""
        return sum(one.in_flight(at) for _, one in self._through(service))

    def lost(self, service: str, at: float) -> list[str]:
        """Those of them that were not served."""
        return [
            f"{kind.name}: {one.said}"
            for kind, one in self._through(service)
            if one.in_flight(at) and one.outcome is not Outcome.SERVED
        ]

    def served_again_at(self, service: str, back: float) -> float | None:
        """When new requests of each kind that is not paced were answered again.

        None: not all are yet.

        Args:
            back: when the service was started again.
        """
        first = [
            _answered_again_at(attempts, back)
            for kind, attempts in self.attempts.items()
            if kind.passes(service) and not kind.paced
        ]
        known = [one for one in first if one is not None]
        return max(known) if len(known) == len(first) else None

    def _through(self, service: str) -> Iterator[tuple[Kind, Attempt]]:
        for kind, attempts in self.attempts.items():
            if kind.passes(service):
                yield from ((kind, one) for one in attempts)


def _answered_again_at(attempts: Sequence[Attempt], back: float) -> float | None:
    unserved = [one.sent for one in attempts if one.outcome is not Outcome.SERVED]
    since = max(unserved, default=0.0)
    answers = (one.answered for one in attempts if one.sent > since and one.answered is not None)
    return min((one for one in answers if one > back), default=None)


@asynccontextmanager
async def load(url: str, key: str, speech: bytes, callers: int) -> AsyncIterator[Load]:
    """`callers` of each kind, until the context is left; what they began they see to its end.

    Args:
        url: the gateway's.
        speech: a WAV file with a sentence.
    """
    async with kinds(url, key, speech) as asked:
        running = Load({kind: [] for kind in asked})
        leaving = asyncio.Event()
        tasks = [
            asyncio.create_task(_call(kind, running, leaving, _STAGGER_S * number / callers))
            for number in range(callers)
            for kind in asked
        ]
        try:
            yield running
        finally:
            leaving.set()
            await asyncio.gather(*tasks)


async def _call(kind: Kind, running: Load, leaving: asyncio.Event, first_after_s: float) -> None:
    this = object()
    await asyncio.sleep(first_after_s)
    while not leaving.is_set():
        running.open[this] = kind, time.monotonic()
        attempt = await _attempt(kind)
        running.attempts[kind].append(attempt)
        del running.open[this]
        with suppress(TimeoutError):
            await asyncio.wait_for(leaving.wait(), _pause_s(attempt))


def _pause_s(attempt: Attempt) -> float:
    """Half of its time a caller is idle, however slow the machine is."""
    if attempt.outcome is Outcome.REFUSED:
        return _REFUSED_PAUSE_S
    return max(_PAUSE_S, attempt.ended - attempt.sent)


async def _attempt(kind: Kind) -> Attempt:
    sent, answered = time.monotonic(), list[float]()
    outcome, said = Outcome.SERVED, ""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await kind.ask(lambda: answered.append(time.monotonic()))
    except Refused as exc:
        outcome, said = Outcome.REFUSED, str(exc)
    except Exception as exc:  # noqa: BLE001  whatever it is, the caller has lost a request
        outcome, said = Outcome.BROKEN, f"{type(exc).__name__} {exc}"
    first = answered[0] if answered and outcome is Outcome.SERVED else None
    return Attempt(sent, first, time.monotonic(), outcome, said)
