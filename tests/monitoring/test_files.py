"""Prometheus, Grafana and Compose can read the files, and the manual knows every alert."""

import re
import subprocess
from typing import Any

import httpx2
import pytest
import yaml

from tests.monitoring.files import FOLDER, OPERATIONS, PROMETHEUS, dashboard, loaded, panels, rules
from tests.monitoring.firing import tool
from tests.monitoring.stack import BEARER, Stack

CORE_PANELS = {"stat", "table", "timeseries", "state-timeline", "row"}
SEVERITIES = {"critical", "warning"}


def test_every_rule_is_an_alert_that_says_what_is_the_matter() -> None:
    for rule in rules():
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"Parley[A-Z]\w+", rule["alert"])
        assert rule["labels"]["severity"] in SEVERITIES
        assert rule["annotations"]["summary"].endswith(".")


def test_no_two_alerts_have_one_name() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))


def test_prometheus_accepts_its_configuration() -> None:
    command = [tool("promtool"), "check", "config", "--syntax-only", str(PROMETHEUS)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert run.returncode == 0, run.stdout + run.stderr


def test_every_replica_is_scraped_with_the_key() -> None:
    for job in loaded(PROMETHEUS)["scrape_configs"]:
        [names] = job["dns_sd_configs"]
        assert names["type"] == "A"
        assert names["names"] == [job["job_name"]]
        assert job["authorization"] == {"credentials_file": "/tmp/metrics-key"}


def test_no_service_is_taken_for_another_that_has_got_its_address(used_stack: Stack) -> None:
    paths = {job["job_name"]: job["metrics_path"] for job in loaded(PROMETHEUS)["scrape_configs"]}
    answers = {
        (asked, job): httpx2.get(f"{url}{path}", headers=BEARER).status_code
        for asked, path in paths.items()
        for job, url in used_stack.urls.items()
    }

    assert answers == {(a, b): 200 if a == b else 404 for a, b in answers}


def test_every_alert_has_a_section_in_the_manual_and_every_section_an_alert() -> None:
    sections = re.findall(r"^#+ (Parley\w+)$", OPERATIONS.read_text("utf-8"), re.MULTILINE)

    assert sections == [rule["alert"] for rule in rules()]


def test_the_dashboard_needs_nothing_but_grafana_and_prometheus() -> None:
    uid = loaded(FOLDER / "grafana/provisioning/datasources/prometheus.yml")["datasources"][0][
        "uid"
    ]
    assert {panel["type"] for panel in dashboard()["panels"]} <= CORE_PANELS
    for panel in panels():
        for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
            assert source == {"type": "prometheus", "uid": uid}


def test_its_colours_are_grafanas_own_which_suit_light_and_dark() -> None:
    assert "style" not in dashboard()
    assert not re.search(r'"#[0-9a-fA-F]{3,8}"|rgba?\(', str(dashboard()))


def test_panels_have_ids_and_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


@pytest.fixture
def services() -> dict[str, Any]:
    content = yaml.safe_load((FOLDER / "compose.yml").read_text("utf-8"))
    found: dict[str, Any] = content["services"]
    return found


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_the_containers_are_confined(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", service["image"])
    assert service["profiles"] == ["monitoring"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["user"].startswith(("0:", "root"))
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["healthcheck"]["test"]
    for volume in service["volumes"]:
        assert volume.endswith(":ro") or not volume.startswith("."), volume


def test_only_grafana_is_published_and_only_to_this_host(services: dict[str, Any]) -> None:
    assert "ports" not in services["prometheus"]
    assert all(port.startswith("127.0.0.1:") for port in services["grafana"]["ports"])


def test_what_is_mounted_is_there(services: dict[str, Any]) -> None:
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert not source.startswith("./") or (FOLDER.parents[1] / source).exists(), source
