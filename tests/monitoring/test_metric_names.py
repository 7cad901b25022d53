"""What rules and panels name is there: each metric, each label, each value that is asked for."""

from collections.abc import Iterator, Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.monitoring.files import PROMETHEUS, expressions, loaded
from tests.monitoring.promql import Selector, reads
from tests.monitoring.stack import Stack

# What Prometheus makes itself, with the labels it has beside those of the targets.
OF_PROMETHEUS = {
    "up": set[str](),
    "ALERTS": {"alertname", "alertstate", "severity", "member", "reason", "kind"},
}
OF_TARGETS = {"job", "instance"}

Samples = Mapping[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def samples(used_stack: Stack) -> Samples:
    """The labels of every sample by its metric, `job` as Prometheus would add it."""
    found: dict[str, list[dict[str, str]]] = {}
    for job in used_stack.urls:
        for family in text_string_to_metric_families(used_stack.metrics(job)):
            for sample in family.samples:
                found.setdefault(sample.name, []).append({**sample.labels, "job": job})
    return found


def ours() -> Iterator[tuple[str, str, Selector]]:
    """Selectors of metrics of ours; tests/vllm looks at those of vLLM."""
    for where, expression in expressions():
        for selector in reads(expression).selectors:
            if not selector.metric.startswith("vllm:"):
                yield where, expression, selector


def test_every_metric_is_exposed(samples: Samples) -> None:
    missing = {
        (where, selector.metric)
        for where, _, selector in ours()
        if selector.metric not in samples and selector.metric not in OF_PROMETHEUS
    }

    assert not missing


def test_every_value_that_is_asked_for_is_one_that_a_service_gives(samples: Samples) -> None:
    for where, _, selector in ours():
        if selector.metric in OF_PROMETHEUS:
            continue
        asked = {label: value for label, operator, value in selector.matchers if operator == "="}
        there = samples[selector.metric]
        assert any(asked.items() <= labels.items() for labels in there), (where, selector)
        for label, _, _ in selector.matchers:
            assert any(label in labels for labels in there), (where, label)


def test_what_is_grouped_by_is_a_label_of_what_is_read(samples: Samples) -> None:
    for where, expression in expressions():
        found = reads(expression)
        labels = set(OF_TARGETS)
        for selector in found.selectors:
            labels |= OF_PROMETHEUS.get(selector.metric, set())
            for sample in samples.get(selector.metric, []):
                labels |= sample.keys()
        if any(selector.metric.startswith("vllm:") for selector in found.selectors):
            labels.add("le")
        assert found.grouped_by <= labels, where


def test_every_job_that_is_named_is_scraped(used_stack: Stack) -> None:
    jobs = {job["job_name"] for job in loaded(PROMETHEUS)["scrape_configs"]}
    named = {
        value
        for _, expression in expressions()
        for selector in reads(expression).selectors
        for label, operator, value in selector.matchers
        if (label, operator) == ("job", "=")
    }

    assert named <= jobs
    assert jobs == set(used_stack.urls)
