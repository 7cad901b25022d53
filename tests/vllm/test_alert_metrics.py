"""What the alerts and the dashboard name of vLLM's metrics, the real one has."""

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.monitoring.files import expressions
from tests.monitoring.promql import reads
from tests.vllm.conftest import KEYS, MODEL, Vllm


def test_every_metric_that_is_watched_is_exposed(vllm: Vllm) -> None:
    with vllm.client as client:
        client.completions.create(model=MODEL, prompt="Hello", max_tokens=2)
    bearer = {"authorization": f"Bearer {KEYS[0]}"}
    text = httpx2.get(f"{vllm.url}/metrics", headers=bearer).text
    exposed = {
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    }
    watched = {
        selector.metric
        for _, expression in expressions()
        for selector in reads(expression).selectors
        if selector.metric.startswith("vllm:")
    }

    assert len(watched) >= 4
    assert watched <= exposed
    assert {"parley_ready", "parley_places", "parley_running"} <= exposed
    assert "process_start_time_seconds" in exposed
