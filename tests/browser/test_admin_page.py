"""The admin page in a real browser: what an operator sees."""

import json
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from parley_orchestrator.board import Board
from parley_orchestrator.llm.breaker import Breaker
from tests.browser.chromium import Page, chromium
from tests.browser.contrast import LOW_CONTRAST
from tests.orchestrator.administering import admin_app, board, fail, turn
from tests.serving import serve

pytestmark = pytest.mark.anyio

LIVE = "document.querySelector('#link').textContent === 'Live'"
BAR = "#chart rect"
NONE = "\N{EN DASH}"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as page:
        yield page


@pytest.fixture
def shared() -> Iterator[Board]:
    with board() as shared:
        yield shared


async def opened(page: Page, url: str) -> None:
    await page.open(f"{url}/admin/")
    await page.until(LIVE, "the page is live")


async def text(page: Page, selector: str) -> str:
    return " | ".join(await page.text(selector))


def add_calls(shared: Board) -> None:
    for at in range(20):
        call, llm = f"call {at // 5}", 0.2 + at / 20
        shared.add_turn(turn(float(at), call=call, endpoint=0.25, stt=0.05, llm=llm, tts=0.1))


@pytest.mark.parametrize(
    ("chain", "model", "api"),
    [
        ("gemini,qwen", "gemini-2.5-flash", "REST"),
        ("realtime,rest", "gpt-realtime", "Realtime WebSocket"),
        ("ws,rest", "qwen2-5-7b-instruct", "WebSocket"),
    ],
)
async def test_the_current_model_and_its_api_are_shown(
    page: Page, shared: Board, chain: str, model: str, api: str
) -> None:
    with serve(admin_app(shared, chain=chain)) as url:
        await opened(page, url)
        await page.until("!document.querySelector('#content[aria-busy]')", "it is filled in")
        assert await text(page, "#model") == model
        assert (await text(page, "#api")).startswith(f"{api} · ")
        assert page.errors == []


async def test_how_many_calls_are_on_is_shown_as_they_come(page: Page, shared: Board) -> None:
    calls = [0]
    with serve(admin_app(shared, max_calls=2, calls_on=lambda: calls[0])) as url:
        await opened(page, url)
        await page.until("document.querySelector('#load').textContent", "it is filled in")
        assert await text(page, "#load") == "No call is on, of 2 at most."
        calls[0] = 2
        await page.until(
            "document.querySelector('#load').textContent.startsWith('2 calls are on')", "they came"
        )
        assert "It takes no more." in await text(page, "#load")


async def test_the_dot_is_green_for_realtime_and_grey_for_rest(page: Page, shared: Board) -> None:
    with serve(admin_app(shared, chain="realtime,rest")) as url:
        await opened(page, url)
        realtime, rest = await page.run(
            "[...document.querySelectorAll('.row-api')]"
            ".map(e => getComputedStyle(e, '::before').backgroundColor)"
            ".map(colour => colour.match(/[0-9]+/g).map(Number))"
        )

    assert realtime[1] > 1.5 * realtime[0]
    assert max(rest) - min(rest) < 20


async def test_a_worker_that_nobody_called_says_so(page: Page, shared: Board) -> None:
    with serve(admin_app(shared)) as url:
        await opened(page, url)

    assert await text(page, "#no-turns") == (
        "Nobody has called yet. Turns appear here as they happen."
    )
    assert await page.run("document.querySelector('#chart').hidden")
    assert await text(page, "#served") == "It has not answered yet."


async def test_what_happens_in_a_call_appears_by_itself(page: Page, shared: Board) -> None:
    with serve(admin_app(shared)) as url:
        await opened(page, url)
        fail(shared, "gemini", "timeout", 3)
        shared.add_turn(turn(time.time(), member="qwen", llm=0.4, tts=0.1))
        await page.until(f"document.querySelector('{BAR}')", "the turn is drawn")
        await page.until("document.querySelector('#model').textContent[0] === 'q'", "it switches")

    assert (await text(page, "#chain .status")).startswith("Open, tried again in ")
    assert "Nothing useful came in time." in await text(page, "#chain .row-bad")
    assert await text(page, "#summary") == "Median 500 ms, longest 500 ms, of the last 1 turn."


async def test_a_breaker_is_told_in_each_of_its_states(page: Page, shared: Board) -> None:
    fail(shared, "gemini", "server", 2)
    rested = Breaker(generation=1, cooldown_s=30.0, open_until=time.time() - 1)
    shared.update("qwen", lambda before, now: (rested, None))
    with serve(admin_app(shared)) as url:
        await opened(page, url)

    assert await page.text("#chain .status") == [
        "In service, 2 of 3 failures",
        "Half-open, next turn tries it",
    ]


async def test_the_figures_are_there_as_a_table_too(page: Page, shared: Board) -> None:
    shared.add_turn(turn(1.0, call="first", llm=0.4, tts=0.1))
    shared.add_turn(turn(2.0, call="second", member="", llm=1.25))
    with serve(admin_app(shared)) as url:
        await opened(page, url)
        await page.until(f"document.querySelector('{BAR}')", "the turns are drawn")

    assert await page.text("tbody td") == [
        *("second", "nobody", NONE, NONE, "1.25 s", NONE, "1.25 s"),
        *("first", "qwen", NONE, NONE, "400 ms", "100 ms", "500 ms"),
    ]
    assert not await page.run("document.querySelector('#legend-nobody').hidden")


async def test_a_worker_that_restarts_is_found_again(page: Page, shared: Board) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    with serve(admin_app(shared), port=port) as url:
        await opened(page, url)
    lost = "document.querySelector('#link').dataset.state === 'bad'"
    await page.until(lost, "it says so")
    stale = await page.run("document.querySelector('#content').hasAttribute('data-stale')")
    with serve(admin_app(shared), port=port):
        await page.until(LIVE, "it is live again", within_s=20)
        fresh = await page.run("!document.querySelector('#content').hasAttribute('data-stale')")

    assert stale
    assert fresh


async def test_a_board_that_broke_is_told(page: Page, shared: Board) -> None:
    with serve(admin_app(shared)) as url:
        await opened(page, url)
        shared.close()
        await page.until("!document.querySelector('#broken').hidden", "it is told")

    assert (await text(page, "#broken")).startswith("The state of the calls cannot be read: ")
    assert await text(page, "#model") == "Unknown"
    assert await text(page, "#chain") == "Unknown."


async def test_a_key_is_asked_for_and_kept_for_the_tab_only(page: Page, shared: Board) -> None:
    with serve(admin_app(shared, api_keys="right")) as url:
        await page.open(f"{url}/admin/")
        await page.until("!document.querySelector('#key-form').hidden", "a key is asked for")
        hidden = await page.run("document.querySelector('#content').hidden")
        await page.type("#key", "wrong")
        await page.press_enter()
        await page.until("document.querySelector('#key-error').textContent", "it is refused")
        await page.type("#key", "right")
        await page.press_enter()
        await page.until(LIVE, "the page is live")

    assert hidden
    assert await page.run("localStorage.length") == 0
    assert json.loads(await page.run("JSON.stringify(sessionStorage)")) == {"parley-key": "right"}


async def test_nothing_sticks_out_on_a_phone_and_all_text_has_contrast(
    page: Page, shared: Board
) -> None:
    add_calls(shared)
    fail(shared, "gemini", "rate_limited", 3)
    await page.resize(360, 640)
    with serve(admin_app(shared, llm_model="Averyveryverylongname" * 5)) as url:
        for scheme in ("light", "dark"):
            await page.prefer(scheme)
            await opened(page, url)
            await page.until(f"document.querySelector('{BAR}')", "the turns are drawn")
            await page.click("#figures summary")
            assert await page.run("document.documentElement.scrollWidth") <= 360
            assert await page.run(LOW_CONTRAST) == []


async def test_the_chart_is_drawn_anew_for_another_width(page: Page, shared: Board) -> None:
    add_calls(shared)
    drawn = "document.querySelector('#chart svg')?.viewBox.baseVal.width"
    with serve(admin_app(shared)) as url:
        await page.resize(1000, 800)
        await opened(page, url)
        await page.until(drawn, "the turns are drawn")
        wide = await page.run(drawn)
        await page.resize(400, 800)
        await page.until(f"{drawn} < 400", "it is drawn anew")

    assert wide > 800
