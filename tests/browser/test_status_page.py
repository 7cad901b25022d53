"""The status page in a real browser: what a newcomer meets first."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest

from parley.bench.gateway_nginx import Gateway, gateway, nginx
from tests.browser.chromium import Page, chromium
from tests.browser.contrast import LOW_CONTRAST
from tests.gateway.behind import demo, where
from tests.kit.demo import Demo
from tests.serving import serve

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        nginx() is None and os.environ.get("PARLEY_REQUIRE_NGINX") != "1",
        reason="nginx is not installed: the status page is not tested (Debian: nginx-light)",
    ),
]

NAMES = ("stt", "tts", "llm", "ws-llm")
ALL_READY = "document.querySelector('#overall').textContent === 'All services are ready'"


class Downloading(Demo):
    """An engine that is a third through its model."""

    def __init__(self) -> None:
        super().__init__(loads=False)
        self.download: dict[str, float] = {"done_mb": 1034.5, "total_mb": 3100.0, "percent": 33}

    def status(self) -> Mapping[str, object]:
        return {"download": self.download}


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as page:
        yield page


@contextmanager
def stack(**engines: Demo | None) -> Iterator[Gateway]:
    """A gateway with these services, ready unless their engine says otherwise; None: away."""
    with ExitStack() as running:
        services = {}
        for name in NAMES:
            engine = engines.get(name.replace("-", "_"), Demo())
            if engine is not None:
                app = demo(name, engine)
                url = running.enter_context(serve(app, wait_for_ready=engine.loads))
                services[name] = where(url)
        yield running.enter_context(gateway(services))


def card(name: str, selector: str) -> str:
    return f".service[data-name={name}] {selector}"


async def text(page: Page, selector: str) -> str:
    return " | ".join(await page.text(selector))


async def test_a_stack_that_is_ready_says_so_and_leads_to_the_chat_page(page: Page) -> None:
    with stack() as front:
        await page.open(front.url)
        await page.until(ALL_READY, "all are ready")

    assert await page.text(".service .status") == ["Ready"] * 4
    assert await page.run("document.querySelector('#chat').href") == f"{front.url}/ws-llm/"
    assert await page.run("document.querySelector('#chat').ariaDisabled") is None
    assert page.errors == []


async def test_a_download_shows_how_far_it_is_and_then_that_it_is_ready(page: Page) -> None:
    engine = Downloading()
    loaded = demo("stt")
    with (
        serve(demo("stt", engine), wait_for_ready=False) as stt,
        serve(loaded),
        gateway({"stt": where(stt)}) as front,
    ):
        await page.open(front.url)
        await page.until("document.querySelector('progress')", "the progress is there")
        assert await text(page, card("stt", ".status")) == "Downloading"
        assert await text(page, card("stt", ".how")) == "Its model: 1.0 GB of 3.1 GB, 33 %"
        assert await page.run("document.querySelector('progress').value") == 33
        engine.download["percent"] = 100
        await page.until("!document.querySelector('progress')", "the download ends")
        assert await text(page, card("stt", ".status")) == "Loading"
