"""Runs the rules over made-up series with Prometheus' own tool."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.monitoring.files import RULES

JOBS = ("stt", "tts", "llm", "ws-llm")
# Ten seconds apart, for long enough.
ALWAYS = "1x360"


def tool(name: str) -> str:
    """Where `name` is installed; without it the test is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install prometheus)")
    return found


def all_is_well() -> dict[str, str]:
    """What is scraped of four idle services."""
    return {
        f'{metric}{{job="{job}",instance="{job}:1"}}': ALWAYS
        for job in JOBS
        for metric in ("up", "parley_ready")
    }


@dataclass(frozen=True, slots=True)
class Case:
    """Made-up series and exactly what fires over them after ten minutes.

    Args:
        name: what promtool's report calls it.
        series: values in promtool's notation, one in ten seconds, by series; they come on top of
            `all_is_well`, and an empty one takes a series of that away.
        firing: an alert and a job each.
    """

    name: str
    series: Mapping[str, str]
    firing: tuple[tuple[str, str], ...]

    def as_test(self) -> dict[str, object]:
        series = {**all_is_well(), **self.series}
        # PromQL has comments, and a report quotes the expression.
        firing = f'group by (alertname, job) (ALERTS{{alertstate="firing"}}) # {self.name}'
        expected = [
            {"labels": f'{{alertname="{alert}",job="{job}"}}', "value": 1}
            for alert, job in self.firing
        ]
        return {
            "interval": "10s",
            "input_series": [
                {"series": name, "values": values} for name, values in series.items() if values
            ],
            "promql_expr_test": [{"expr": firing, "eval_time": "10m", "exp_samples": expected}],
        }


def assert_firing(cases: Iterable[Case], folder: Path) -> None:
    """Assert that in each case fires what is said and nothing else, in one run of promtool."""
    content = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "30s",
        "tests": [case.as_test() for case in cases],
    }
    file = folder / "alerts.yml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    run = subprocess.run(
        [tool("promtool"), "test", "rules", str(file)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr


def buckets(name: str, job: str, *, under: str, over: str, labels: str = "") -> dict[str, str]:
    """A histogram in which every observation is between two bounds."""
    base = f'{name}_bucket{{job="{job}",instance="{job}:1"{labels}'
    return {
        f'{base},le="{over}"}}': "0x360",
        f'{base},le="{under}"}}': "0+10x360",
        f'{base},le="+Inf"}}': "0+10x360",
    }
