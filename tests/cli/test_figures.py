"""Figures are computed right, printed whole, and decide the exit status."""

import io
import json
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from parley.bench.figures import Report, histogram_percentile, percentile, word_errors
from parley.bench.stack import words

floats = st.floats(0, 1e6)


@given(st.lists(floats, min_size=1), st.floats(1, 100))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)

    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9


def test_the_percentile_of_a_histogram_lies_inside_its_bucket() -> None:
    buckets = [(0.01, 90.0), (0.02, 98.0), (0.05, 100.0), (float("inf"), 100.0)]

    assert histogram_percentile(buckets, 50) == pytest.approx(0.01 * 50 / 90)
    assert histogram_percentile(buckets, 99) == pytest.approx(0.035)
    assert histogram_percentile([(0.01, 0.0), (float("inf"), 5.0)], 99) == 0.01


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a b c", "a b b c", 1),
        ("a b c", "", 3),
        ("", "a", 1),
    ],
)
def test_word_errors_are_substitutions_deletions_and_insertions(
    said: str, heard: str, errors: int
) -> None:
    assert word_errors(said.split(), heard.split()) == errors


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_word_errors_are_symmetric_and_bounded(one: list[str], other: list[str]) -> None:
    errors = word_errors(one, other)

    assert errors == word_errors(other, one)
    assert abs(len(one) - len(other)) <= errors <= max(len(one), len(other))


def test_marks_and_case_are_not_word_errors() -> None:
    assert words("I don't know, Dr. Smith!") == ["i", "don't", "know", "dr", "smith"]


def test_a_report_holds_only_when_every_goal_is_met() -> None:
    report = Report("demo")
    report.add("fast", 1.0, "ms", 2.0, "how")
    report.add("said", 1.0, "ms", None, "")
    assert report.ok
    report.add("slow", 3.0, "ms", 2.0, "how")
    assert not report.ok


def test_a_report_as_json_has_the_documented_shape() -> None:
    report = Report("demo")
    report.add("fast", statistics.fmean([1, 2]), "ms", 2.0, "how")

    told = json.loads(json.dumps(report.as_json()))
    assert set(told) == {"suite", "machine", "figures"}
    assert told["figures"] == [
        {"name": "fast", "value": 1.5, "unit": "ms", "goal": 2.0, "ok": True, "how": "how"}
    ]


def test_a_report_as_a_table_shows_value_goal_and_verdict() -> None:
    report = Report("demo")
    report.add("fast", 1234.5, "ms", 2.0, "how it was measured")
    console = Console(width=120, file=io.StringIO())
    report.print(console)

    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(part in shown for part in ("fast", "1234 ms", "≤ 2 ms", "no", "how it was measured"))
