"""Prometheus metrics of one service, in a registry of its own.

All services use the same names: which service it is, is the scraped target.
"""

from collections.abc import Callable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from parley_kit.limits import Admission, Reason

# A phone caller notices 0.2 s and hangs up after some seconds: that is where resolution is needed.
VOICE_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 30)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The metrics that every service has; a service adds its own to `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "parley_requests",
            "Requests by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "parley_request_seconds",
            "Time to the last byte.",
            ["route"],
            buckets=VOICE_BUCKETS_S,
            registry=self.registry,
        )
        self._ttfb = Histogram(
            "parley_ttfb_seconds",
            "Time to the first byte of the body (TTFB).",
            ["route"],
            buckets=VOICE_BUCKETS_S,
            registry=self.registry,
        )
        self._in_flight = Gauge("parley_in_flight", "Requests in flight.", registry=self.registry)
        self._refused = Counter(
            "parley_refused",
            "Requests refused for want of a place, by whose limit it was.",
            ["reason"],
            registry=self.registry,
        )

    def watch_readiness(self, is_ready: Callable[[], bool]) -> None:
        """Export what `/readyz` says, for those who watch metrics only."""
        ready = Gauge("parley_ready", "1 while the service is ready.", registry=self.registry)
        ready.set_function(lambda: float(is_ready()))

    def watch(self, admission: Admission) -> None:
        """Export how many requests run, wait and may do either, and count what is refused."""
        running = Gauge(
            "parley_running", "Requests that the engine works on.", registry=self.registry
        )
        running.set_function(lambda: admission.load.running)
        queued = Gauge(
            "parley_queued", "Requests that wait for the engine.", registry=self.registry
        )
        queued.set_function(lambda: admission.load.queued)
        places = Gauge(
            "parley_places", "Requests that may run and wait together.", registry=self.registry
        )
        load = admission.load
        places.set(load.max_concurrency + load.max_queue)
        self.expect_refusals(*get_args(Reason))
        admission.on_refusal = self.refused

    def expect_refusals(self, *reasons: str) -> None:
        """Export zero for each: a rate needs it before the first."""
        for reason in reasons:
            self._refused.labels(reason)

    def refused(self, reason: str) -> None:
        self._refused.labels(reason).inc()

    def begin(self) -> None:
        self._in_flight.inc()

    def end(self, route: str, status: int, seconds: float, ttfb: float | None) -> None:
        self._in_flight.dec()
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if ttfb is not None:
            self._ttfb.labels(route).observe(ttfb)

    def render(self) -> bytes:
        """The text that a Prometheus server scrapes."""
        return generate_latest(self.registry)
