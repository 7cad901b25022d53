"""The status page in a real browser: what a newcomer meets first."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import httpx2
import pytest

from parley.bench.gateway_nginx import Gateway, gateway
from parley_kit.pages import HEADERS
from tests.browser.chromium import Page, chromium
from tests.browser.contrast import LOW_CONTRAST
from tests.gateway.behind import demo, where
from tests.gateway.requirement import require_nginx
from tests.kit.demo import Demo
from tests.serving import serve
from tests.ws_llm.talking import language_model

pytestmark = pytest.mark.anyio

NAMES = ("stt", "tts", "llm", "ws-llm")
ALL_READY = "document.querySelector('#overall').textContent === 'All services are ready'"


class Downloading(Demo):
    """An engine that is a third through its model."""

    def __init__(self) -> None:
        super().__init__(loads=False)
        self.download: dict[str, float] = {"done_mb": 1034.5, "total_mb": 3100.0, "percent": 33}

    def status(self) -> Mapping[str, object]:
        return {"download": self.download}


@pytest.fixture(autouse=True, scope="module")
def _nginx() -> None:
    require_nginx()


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


async def test_a_download_shows_how_far_it_is_and_when_it_has_ended(page: Page) -> None:
    engine = Downloading()
    with stack(stt=engine) as front:
        await page.open(front.url)
        await page.until("document.querySelector('progress')", "the progress is there")
        assert await text(page, card("stt", ".status")) == "Downloading"
        assert await text(page, card("stt", ".how")) == "Its model: 33 % of 3.1 GB"
        assert await page.run("document.querySelector('progress').position") == 1034.5 / 3100
        assert await text(page, "#overall") == "Downloading models, 3 of 4 services are ready"
        engine.download["percent"] = 100
        await page.until("!document.querySelector('progress')", "the download ends")
        assert await text(page, card("stt", ".status")) == "Loading"


async def test_at_a_first_start_all_that_is_fetched_is_seen_from_the_start(page: Page) -> None:
    """No service is there yet: what fetches their models answers for them."""
    with ExitStack() as running:
        fetches = {}
        for name in ("stt", "tts", "llm"):
            app = demo(name, Downloading())
            url = running.enter_context(serve(app, wait_for_ready=False))
            fetches[f"{name}-model"] = where(url)
        front = running.enter_context(gateway(fetches))
        await page.open(front.url)
        await page.until("document.querySelectorAll('progress').length === 3", "all are shown")

        assert await page.text(".service .status") == ["Downloading"] * 3 + ["Not there yet"]


async def test_a_model_that_has_come_is_being_loaded(page: Page) -> None:
    loading = f"document.querySelector('{card('llm', '.status')}').textContent === 'Loading'"
    with ExitStack() as running:
        app = demo("llm", Downloading())
        with serve(app, wait_for_ready=False) as url:
            front = running.enter_context(gateway({"llm-model": where(url)}))
            await page.open(front.url)
            await page.until("document.querySelector('progress')", "it is seen coming")
        await page.until(loading, "it has come")

    assert await page.run("document.querySelector('progress')") is None


async def test_how_long_a_download_still_takes_is_told_once_it_is_known(page: Page) -> None:
    times = "[0, 4, 10].map(s => left('stt', {done_mb: s * 10, total_mb: 3100}, s))"
    with stack() as front:
        await page.open(front.url)
        told = await page.run(f"import('./pace.js').then(({{left}}) => {times})")
        stalled = await page.run(
            "import('./pace.js').then(({left}) => [0, 20].map("
            "s => left('tts', {done_mb: 5, total_mb: 10}, s)))"
        )

    assert told == ["", "", "about 5 minutes left"]
    assert stalled == ["", ""]


async def test_what_starts_after_another_says_that_it_waits(page: Page) -> None:
    with stack(llm=Downloading(), stt=None, tts=None) as front:
        await page.open(front.url)
        await page.until("document.querySelector('progress')", "it has looked")

        assert await text(page, card("stt", ".status")) == "Waiting"
        assert "It starts when the language model is ready" in await text(page, card("stt", ".how"))
        assert "It starts when speech to text is ready" in await text(page, card("tts", ".how"))


async def test_a_service_that_loads_and_one_that_is_away_are_told_apart(page: Page) -> None:
    with stack(stt=Demo(loads=False), llm=None) as front:
        await page.open(front.url)
        await page.until("document.querySelector('.how')", "it has looked")

        assert await text(page, card("stt", ".status")) == "Starting"
        assert await text(page, card("llm", ".status")) == "Not there yet"
        assert await text(page, card("tts", ".status")) == "Ready"
        assert await text(page, "#overall") == "2 of 4 services are ready"


LATE = f"document.querySelector('{card('stt', '.how code + code')}')"


async def four_minutes_pass(page: Page) -> None:
    await page.run("{const now = performance.now(); performance.now = () => now + 240000}")
    await page.run("document.dispatchEvent(new Event('visibilitychange'))")


async def test_what_does_not_come_says_where_to_look_once_that_has_taken_long(page: Page) -> None:
    """As where its model was refused: what fetches it has ended, and it was never started."""
    with stack(stt=None, ws_llm=None) as front:
        await page.open(front.url)
        await page.until("document.querySelector('.how')", "it has looked")
        assert "minutes to load" in await text(page, card("stt", ".how"))
        await four_minutes_pass(page)
        await page.until(LATE, "it is late")

        assert await page.text(f"{card('stt', '.how')} code") == [
            "docker compose logs stt-model", "docker compose logs stt",
        ]  # fmt: skip
        assert await text(page, card("ws-llm", ".how")) == (
            "It has not answered for 4 minutes. "
            "docker compose logs ws-llm tells what it is at, or why it ended."
        )


async def test_what_waits_for_another_is_not_late(page: Page) -> None:
    with stack(stt=None, tts=None) as front:
        await page.open(front.url)
        await page.until("document.querySelector('.how')", "it has looked")
        await four_minutes_pass(page)
        await page.until(LATE, "it is late")

        assert await text(page, card("tts", ".status")) == "Waiting"


async def test_a_service_that_goes_away_and_comes_back_is_followed(page: Page) -> None:
    away = f"document.querySelector('{card('ws-llm', '.status')}').textContent === 'Away'"
    with ExitStack() as others:
        services = {name: where(others.enter_context(serve(demo(name)))) for name in NAMES[:3]}
        with serve(demo("ws-llm")) as url:
            port = int(url.rpartition(":")[2])
            front = others.enter_context(gateway({**services, "ws-llm": where(url)}))
            await page.open(front.url)
            await page.until(ALL_READY, "all are ready")
        await page.run("document.dispatchEvent(new Event('visibilitychange'))")
        await page.until(away, "it is away")
        disabled = await page.run("document.querySelector('#chat').ariaDisabled")
        with serve(demo("ws-llm"), port=port):
            await page.until(ALL_READY, "it is back")

    assert disabled == "true"


async def test_a_service_that_answers_nonsense_is_broken(page: Page) -> None:
    with serve(demo("tts")) as url, gateway({"stt": where(url)}) as front:
        await page.open(front.url)
        await page.until("document.querySelector('.how')", "it has looked")

        assert await text(page, card("stt", ".status")) == "Broken"
        assert "status 404" in await text(page, card("stt", ".how"))


async def test_a_gateway_that_goes_away_is_told_and_found_again(page: Page) -> None:
    with stack() as front:
        await page.open(front.url)
        await page.until(ALL_READY, "all are ready")
        front.process.terminate()
        front.process.wait(10)
        await page.run("document.dispatchEvent(new Event('visibilitychange'))")
        await page.until("!document.querySelector('#broken').hidden", "it is told")

        assert await page.text(".service .status") == ["Unknown"] * 4
        assert await page.run(LOW_CONTRAST) == []


async def test_the_examples_are_of_this_address_and_work(page: Page) -> None:
    with real_stack() as front:
        await page.open(front.url)
        await page.until(ALL_READY, "all are ready")
        answer = (await page.text("#answer"))[0]
        curl = " ".join(await page.text("#speak, #listen"))
        ran = await asyncio.to_thread(run_python, answer)

    assert ran.startswith("The clinic is open")
    assert curl.count(f"curl {front.url}/") == 2
    assert "{origin}" not in await page.run("document.body.textContent")


@contextmanager
def real_stack() -> Iterator[Gateway]:
    """The real language model behind the gateway, beside services that are only ready."""
    with ExitStack() as running:
        services = {name: where(running.enter_context(serve(demo(name)))) for name in NAMES}
        services["llm"] = where(running.enter_context(serve(language_model())))
        yield running.enter_context(gateway(services))


def run_python(script: str) -> str:
    environment = {**os.environ, "OPENAI_API_KEY": "none"}
    return subprocess.run(
        [sys.executable, "-c", script],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip


async def test_an_example_can_be_copied_without_a_clipboard(page: Page) -> None:
    with stack() as front:
        await page.open(front.url)
        await page.run("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        await page.click(".example button")
        await page.until("document.querySelector('.example button').textContent !== 'Copy'", "told")

        assert (await page.run("String(getSelection())")).startswith(f"curl {front.url}/tts")


async def test_every_link_leads_somewhere_and_the_policy_is_that_of_the_other_pages(
    page: Page,
) -> None:
    with stack() as front, httpx2.Client(base_url=front.url) as client:
        await page.open(front.url)
        links = await page.run("[...document.querySelectorAll('.docs a')].map(a => a.pathname)")
        statuses = {
            link: client.get(link).status_code for link in links if "operations" not in link
        }
        home = client.get("/")
        again = client.get("/", headers={"if-none-match": home.headers["etag"]})

    assert set(statuses.values()) == {200}
    assert {name: home.headers[name] for name in HEADERS} == dict(HEADERS)
    assert again.status_code == 304


async def test_nothing_sticks_out_on_a_phone_and_all_text_has_contrast(page: Page) -> None:
    await page.resize(360, 640)
    late = LATE.replace("=stt", "=llm")
    with stack(stt=Downloading(), llm=None) as front:
        for scheme in ("light", "dark"):
            await page.prefer(scheme)
            await page.open(front.url)
            await page.until("document.querySelector('progress')", "the progress is there")
            await four_minutes_pass(page)
            await page.until(late, "it is late")
            assert await page.run("document.documentElement.scrollWidth") <= 360
            assert await page.run(LOW_CONTRAST) == []
