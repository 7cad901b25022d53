"""Runs the rules over made-up series with Prometheus' own tool."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import yaml

from tests.monitoring.files import RULES

JOBS = ("stt", "tts", "llm", "ws-llm")
# Ten seconds apart, for an hour.
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


def assert_firing(
    series: Mapping[str, str], alerts: Iterable[tuple[str, str]], folder: Path, at: str = "10m"
) -> None:
    """Assert that exactly `alerts`, each a name and a job, fire at a time.

    Args:
        series: values in promtool's notation, one in ten seconds, by series; they come on top
            of `all_is_well`.
        folder: for the test's file.
    """
    expected = [
        {"labels": f'{{alertname="{name}",job="{job}"}}', "value": 1} for name, job in alerts
    ]
    firing = 'group by (alertname, job) (ALERTS{alertstate="firing"})'
    test = {
        "interval": "10s",
        "input_series": [
            {"series": name, "values": values}
            for name, values in {**all_is_well(), **series}.items()
            if values
        ],
        "promql_expr_test": [{"expr": firing, "eval_time": at, "exp_samples": expected}],
    }
    file = folder / "alerts.yml"
    content = {"rule_files": [str(RULES)], "evaluation_interval": "10s", "tests": [test]}
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
