"""What a monitoring system sees of a service, beside its requests."""

import logging

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.kit.demo import Demo, demo_service
from tests.serving import open_request, serve, wait_until


def value(url: str, name: str, **labels: str) -> float | None:
    """The value of one series, or None where there is none."""
    text = httpx2.get(f"{url}/metrics").text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def test_readiness_is_what_readyz_says() -> None:
    service = demo_service(Demo())
    with serve(service) as url:
        assert value(url, "parley_ready") == 1
        service.health.mark_unavailable()
        assert httpx2.get(f"{url}/readyz").status_code == 503
        assert value(url, "parley_ready") == 0


def test_a_service_that_loads_is_not_ready() -> None:
    with serve(demo_service(Demo(loads=False)), wait_for_ready=False) as url:
        assert value(url, "parley_ready") == 0


def test_the_places_are_what_the_settings_allow() -> None:
    with serve(demo_service(max_concurrency=3, max_queue=4)) as url:
        assert value(url, "parley_places") == 7


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_concurrency": 1, "max_queue": 0}, "queue"),
        ({"max_concurrency": 9, "max_in_flight_per_key": 1}, "key"),
    ],
)
def test_a_refusal_is_counted_by_whose_limit_it_was(limits: dict[str, int], reason: str) -> None:
    engine = Demo()
    with serve(demo_service(engine, **limits)) as url, open_request(url, "GET /v1/work"):
        wait_until(lambda: engine.work_started, 5, "the engine works")
        assert value(url, "parley_refused_total", reason=reason) == 0
        refused = httpx2.get(f"{url}/v1/work")

        assert refused.status_code in (429, 503)
        assert value(url, "parley_refused_total", reason=reason) == 1


def test_memory_and_the_start_of_the_process_are_told() -> None:
    with serve(demo_service()) as url:
        assert (value(url, "process_resident_memory_bytes") or 0) > 1 << 20
        assert value(url, "process_start_time_seconds")


def test_a_scrape_every_few_seconds_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "parley.access")
    with serve(demo_service(api_keys="k")) as url:
        for key in ("k", "wrong"):
            httpx2.get(f"{url}/demo/metrics", headers={"authorization": f"Bearer {key}"})

    lines = [record for record in caplog.records if record.name == "parley.access"]
    assert [getattr(line, "data")["status"] for line in lines] == [401]  # noqa: B009  not declared
