"""The series of an expression, as the other tests here need them."""

import pytest

from tests.monitoring.promql import Selector, reads


def test_functions_numbers_and_keywords_are_no_metrics() -> None:
    found = reads(
        'sum by (job, le) (rate(a_total{job="x",status!~"5.."}[5m])) > 1 or b:c offset 1h'
    )

    assert found.selectors == [
        Selector("a_total", (("job", "=", "x"), ("status", "!~", "5.."))),
        Selector("b:c"),
    ]
    assert found.grouped_by == {"job", "le"}


def test_what_is_joined_on_counts_as_grouped_by() -> None:
    found = reads("up == 0 and on (job, instance) max_over_time(queued[1m:5s]) > 1e3")

    assert [selector.metric for selector in found.selectors] == ["up", "queued"]
    assert found.grouped_by == {"job", "instance"}


def test_what_is_no_promql_is_refused() -> None:
    with pytest.raises(ValueError, match="not PromQL"):
        reads("up ? 1")
