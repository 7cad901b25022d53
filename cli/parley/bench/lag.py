"""The lag of the services' event loops, as they measure it themselves."""

from collections.abc import Mapping, Sequence

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from parley.bench.figures import histogram_percentile

Buckets = Mapping[float, float]
"""Cumulative counts by upper bound in seconds."""


async def lag_buckets(url: str, services: Sequence[str]) -> Buckets:
    """Of all `services` at `url` together."""
    buckets: dict[float, float] = {}
    async with httpx2.AsyncClient(base_url=url) as client:
        for service in services:
            text = (await client.get(f"/{service}/metrics")).text
            for bound, count in _buckets_in(text):
                buckets[bound] = buckets.get(bound, 0) + count
    return buckets


def lag_p99_ms(before: Buckets, after: Buckets) -> float:
    """Of what was measured between the two."""
    grown = [(upper, count - before[upper]) for upper, count in sorted(after.items())]
    return histogram_percentile(grown, 99) * 1e3


def _buckets_in(text: str) -> Sequence[tuple[float, float]]:
    return [
        (float(sample.labels["le"]), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "parley_event_loop_lag_seconds_bucket"
    ]
