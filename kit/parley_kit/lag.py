"""How late the event loop is: the one figure that shows blocking work on it."""

import asyncio

from prometheus_client import CollectorRegistry, Histogram

EVERY_S = 0.05
_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)


class LoopLag:
    """Sleeps a fixed time over and over, and records by how much it overslept."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Histogram(
            "parley_event_loop_lag_seconds",
            "By how much a timer of the event loop was late.",
            buckets=_BUCKETS_S,
            registry=registry,
        )

    async def watch(self) -> None:
        """Record until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._lag.observe(max(0.0, loop.time() - due))
