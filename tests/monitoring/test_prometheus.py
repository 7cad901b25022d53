"""A real Prometheus scrapes the services, evaluates the rules, and has what the panels ask for."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.monitoring.files import panels, rules
from tests.monitoring.scraping import ask, prometheus
from tests.monitoring.stack import KEY, Stack
from tests.serving import wait_until


@pytest.fixture(scope="module")
def watching(
    used_stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(used_stack, folder, {"API_KEYS": f"{KEY},an-older-one"}) as client:
        scraped_often = "count(count_over_time(parley_ready[1m]) >= 3) == 5"
        wait_until(lambda: ask(client, scraped_often), 30, "there are rates")
        yield client


def test_the_key_of_the_stack_opens_every_target(watching: httpx2.Client) -> None:
    targets = watching.get("/api/v1/targets").json()["data"]["activeTargets"]

    assert {target["labels"]["job"]: target["lastError"] for target in targets} == {
        "stt": "", "tts": "", "llm": "", "ws-llm": "", "orchestrator": "",
    }  # fmt: skip


def test_every_rule_evaluates(watching: httpx2.Client) -> None:
    groups = watching.get("/api/v1/rules").json()["data"]["groups"]
    health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    assert health == {rule["alert"]: "ok" for rule in rules()}


def test_nothing_fires_but_what_is_made_up(watching: httpx2.Client) -> None:
    """The stack of these tests has a model that failed three times in a row."""
    firing = ask(watching, 'ALERTS{alertstate="firing"}')

    assert {found["metric"].get("member") for found in firing} <= {"gemini"}


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: str(panel["title"]))
def test_every_panel_shows_something(watching: httpx2.Client, panel: dict[str, object]) -> None:
    """Only vLLM is not here, and what is shown when there is some: refusals, errors, alerts."""
    targets = panel["targets"]
    assert isinstance(targets, list)
    for target in targets:
        expression = target["expr"].replace("$__rate_interval", "1m")
        found = ask(watching, expression)
        absent = "vllm:" in expression or "> 0" in expression or "ALERTS" in expression
        assert found or absent, expression
