"""Live, ready, status and metrics."""

from collections.abc import Mapping

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from parley_kit.errors import NotReady
from parley_kit.health import Health, State
from tests.kit.demo import Demo, demo_service
from tests.serving import error_of, open_request, serve, wait_until


def test_a_service_that_loads_is_alive_and_not_ready() -> None:
    service = demo_service(Demo(loads=False))
    with serve(service, wait_for_ready=False) as url:
        live = httpx2.get(f"{url}/livez")
        ready = httpx2.get(f"{url}/readyz")
        status = httpx2.get(f"{url}/status").json()

    assert live.json() == {"status": "ok"}
    assert ready.status_code == 503
    assert ready.headers["retry-after"]
    assert error_of(ready)["code"] == "not_ready"
    assert status["state"] == "starting"


def test_a_service_is_ready_after_its_engine_started() -> None:
    with serve(demo_service()) as url:
        assert httpx2.get(f"{url}/readyz").json() == {"status": "ready"}


def test_a_service_that_downloads_its_model_tells_everybody_how_far_it_is() -> None:
    download = {"done_mb": 12.5, "total_mb": 50.0, "percent": 25}
    with serve(demo_service(Downloading(download)), wait_for_ready=False) as url:
        downloading = httpx2.get(f"{url}/readyz")
    with serve(demo_service(Downloading(None)), wait_for_ready=False) as url:
        loading = httpx2.get(f"{url}/readyz")

    assert downloading.status_code == 503
    assert downloading.json()["download"] == download
    assert downloading.json()["error"]["code"] == "not_ready"
    assert error_of(loading)["code"] == "not_ready"


class Downloading(Demo):
    """An engine that never has its model."""

    def __init__(self, download: dict[str, float] | None) -> None:
        super().__init__(loads=False)
        self._download = download

    def status(self) -> Mapping[str, object]:
        return {"engine": "demo", "directory": "/secret", "download": self._download}


def test_an_engine_that_cannot_start_makes_the_service_fail_and_say_why() -> None:
    told = []
    service = demo_service(Demo(fails=RuntimeError("no such model directory")))
    service.on_failure = lambda: told.append(True)
    with serve(service) as url:
        status = httpx2.get(f"{url}/status").json()
        ready = httpx2.get(f"{url}/readyz")

    assert (status["state"], status["reason"]) == ("failed", "no such model directory")
    assert ready.status_code == 503
    assert told == [True]


def test_a_host_is_told_before_a_service_says_that_it_is_ready() -> None:
    service = demo_service()
    states: list[bool] = []
    service.on_ready = lambda: states.append(service.health.ready)
    with serve(service) as url:
        assert httpx2.get(f"{url}/readyz").status_code == 200
    assert states == [False]


def test_a_service_may_be_unavailable_for_a_while() -> None:
    service = demo_service()
    with serve(service) as url:
        service.health.mark_unavailable()
        away = httpx2.get(f"{url}/readyz")
        service.health.require_serving()
        service.health.mark_ready()
        back = httpx2.get(f"{url}/readyz")
        service.health.mark_draining()
        service.health.mark_unavailable()

    assert (away.status_code, error_of(away)["code"], back.status_code) == (503, "not_ready", 200)
    assert service.health.state is State.DRAINING


def test_who_reaches_a_service_that_drains_is_served_if_it_was_ever_ready() -> None:
    loaded, loading = Health(), Health()
    loaded.mark_ready()
    for health in (loaded, loading):
        health.mark_draining()

    loaded.require_open()
    loaded.require_serving()
    for refused in (loaded.require_ready, loading.require_open, loading.require_serving):
        with pytest.raises(NotReady, match="draining"):
            refused()


def test_an_engine_is_closed_also_when_it_was_still_loading() -> None:
    engine = Demo(loads=False)
    with serve(demo_service(engine), wait_for_ready=False):
        pass

    assert engine.closed


def test_status_tells_the_engine_and_the_load() -> None:
    engine = Demo()
    with (
        serve(demo_service(engine, max_concurrency=1, max_queue=5)) as url,
        open_request(url, "GET /v1/work"),
        open_request(url, "GET /v1/work"),
    ):
        wait_until(lambda: _status(url)["queued"] == 1, 5, "one runs and one waits")
        status = _status(url)

    assert (status["engine"], status["running"], status["max_queue"]) == ("demo", 1, 5)


def test_metrics_count_requests_by_route_and_time_to_first_byte() -> None:
    with serve(demo_service()) as url:
        for model in ("demo", "canary", "Org/Demo-1"):
            httpx2.get(f"{url}/v1/models/{model}")
        text = httpx2.get(f"{url}/metrics").text

    samples = {
        (sample.name, sample.labels.get("route"), sample.labels.get("status")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    route = "/v1/models/{model:path}"
    assert samples["parley_requests_total", route, "200"] == 2
    assert samples["parley_requests_total", route, "404"] == 1
    assert samples["parley_ttfb_seconds_count", route, None] == 3
    assert "canary" not in text


def _status(url: str) -> dict[str, object]:
    status: dict[str, object] = httpx2.get(f"{url}/status").json()
    return status
