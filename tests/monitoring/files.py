"""The files that Prometheus and Grafana are given, read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "services" / "monitoring"
RULES = FOLDER / "rules.yml"
PROMETHEUS = FOLDER / "prometheus.yml"
OPERATIONS = ROOT / "docs" / "operations.md"


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    return [rule for group in loaded(RULES)["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    [path] = (FOLDER / "grafana" / "dashboards").glob("*.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def panels() -> list[dict[str, Any]]:
    """Those that show something: a row shows nothing."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Where each expression is, and the expression."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
