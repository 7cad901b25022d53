"""A real Prometheus with the real configuration, but for where the services are."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml

from parley.bench.ports import free_port
from tests.monitoring.files import FOLDER, PROMETHEUS, RULES, loaded
from tests.monitoring.firing import tool
from tests.monitoring.stack import Stack
from tests.serving import wait_until

_STARTS_WITHIN_S = 30


@contextmanager
def prometheus(stack: Stack, folder: Path, environment: dict[str, str]) -> Iterator[httpx2.Client]:
    """Started as in its container, `start-prometheus` included; the value is a client of its API.

    Args:
        environment: what the container is given.
    """
    key = folder / "key"
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(_configuration(stack, key)), encoding="utf-8")
    port = free_port()
    command = [
        str(FOLDER / "start-prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    environment = {"METRICS_KEY": str(key), "PROMETHEUS": tool("prometheus"), **environment}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, env={"PATH": "/usr/bin:/bin", **environment}, stderr=log
        )
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                wait_until(lambda: _is_ready(client), _STARTS_WITHIN_S, "Prometheus is ready")
                yield client
        finally:
            process.terminate()
            process.wait(10)


def ask(client: httpx2.Client, expression: str) -> list[dict[str, Any]]:
    """The series that an expression has now."""
    response = client.get("/api/v1/query", params={"query": expression})
    assert response.status_code == 200, f"{expression}: {response.text}"
    result: list[dict[str, Any]] = response.json()["data"]["result"]
    return result


def _configuration(stack: Stack, key: Path) -> dict[str, Any]:
    """prometheus.yml, with addresses in the place of Docker's names."""
    content: dict[str, Any] = loaded(PROMETHEUS)
    content["rule_files"] = [str(RULES)]
    content["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
    for job in content["scrape_configs"]:
        del job["dns_sd_configs"]
        target = stack.urls[job["job_name"]].removeprefix("http://")
        job["static_configs"] = [{"targets": [target]}]
        job["authorization"]["credentials_file"] = str(key)
    return content


def _is_ready(client: httpx2.Client) -> bool:
    try:
        return client.get("/-/ready").status_code == 200
    except httpx2.TransportError:
        return False
