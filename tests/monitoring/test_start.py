"""How the two containers start: with which key, and never with the password everybody knows."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.monitoring.files import FOLDER


def start(script: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(FOLDER / script)],
        env={"PATH": os.environ["PATH"], "SECRETS": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=10,
    )


def key_of_prometheus(folder: Path, *, api_keys: str = "", **environment: str) -> str:
    """The key with which Prometheus would scrape."""
    (folder / "api_keys").write_text(api_keys)
    (folder / "openai_api_key").touch()
    key = folder / "key"
    run = start("start-prometheus", folder, METRICS_KEY=str(key), PROMETHEUS="true", **environment)
    assert run.returncode == 0, run.stderr
    assert key.stat().st_mode & 0o777 == 0o600
    return key.read_text()


def test_prometheus_takes_the_first_key_of_the_settings(tmp_path: Path) -> None:
    assert key_of_prometheus(tmp_path, API_KEYS=" new , old") == "new"


def test_prometheus_takes_the_first_key_of_the_file(tmp_path: Path) -> None:
    file = "# in use since November\n\n  new\nold\n"
    assert key_of_prometheus(tmp_path, api_keys=file, OPENAI_API_KEY="for-others") == "new"


def test_prometheus_takes_openais_key_where_the_services_do(tmp_path: Path) -> None:
    assert key_of_prometheus(tmp_path, OPENAI_API_KEY="only") == "only"


def test_a_stack_without_keys_is_scraped_too(tmp_path: Path) -> None:
    assert key_of_prometheus(tmp_path) == "none"


def test_keys_that_cannot_be_read_are_told_at_the_start(tmp_path: Path) -> None:
    run = start("start-prometheus", tmp_path, METRICS_KEY=str(tmp_path / "key"), PROMETHEUS="true")

    assert run.returncode == 2
    assert f"{tmp_path}/api_keys cannot be read by user" in run.stderr


@pytest.mark.parametrize(
    ("setting", "file"), [("in-a-setting", ""), ("", "in-a-file\n"), ("in-a-setting", "ignored")]
)
def test_grafana_is_given_its_password(tmp_path: Path, setting: str, file: str) -> None:
    (tmp_path / "grafana_password").write_text(file)
    run = start("start-grafana", tmp_path, GRAFANA_PASSWORD=setting, GRAFANA="env")

    assert f"GF_SECURITY_ADMIN_PASSWORD={setting or file.strip()}" in run.stdout.splitlines()


def test_grafana_without_a_password_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "grafana_password").touch()
    run = start("start-grafana", tmp_path, GRAFANA="env")

    assert run.returncode == 2
    assert "GRAFANA_PASSWORD" in run.stderr
    assert not run.stdout
