"""The chat page in a real browser: what a person sees and can do."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from parley_kit.app import Service
from tests.browser.chromium import Page, chromium
from tests.browser.contrast import LOW_CONTRAST
from tests.serving import serve, wait_until
from tests.ws_llm.talking import assistant, language_model
from tests.ws_llm.upstreams import Upstream, says, upstream

pytestmark = pytest.mark.anyio

READY = "document.querySelector('#status').textContent === 'Connected'"
ANSWERED = (
    "document.querySelector('.said-assistant')"
    " && !document.querySelector('.said-assistant[aria-busy]')"
)
ANSWER = ".said-assistant"
NOTICE = ".note.notice"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as page:
        yield page


@pytest.fixture
def slow_llm() -> Iterator[tuple[Service, str]]:
    app = language_model(scripted_tokens_per_s=25)
    with serve(app) as url:
        yield app, url


@pytest.fixture
def scripted() -> Iterator[Upstream]:
    with upstream(says("Yes", ".")) as server:
        yield server


async def ask(page: Page, question: str) -> None:
    await page.type("#message", question)
    await page.press_enter()


async def test_an_answer_appears_word_by_word(page: Page, slow_llm: tuple[Service, str]) -> None:
    with serve(assistant(slow_llm[1])) as url:
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects")
        await page.click("#suggestions button")
        await page.until("document.querySelector('.said-assistant')?.textContent", "text comes")
        early = (await page.text(ANSWER))[0]
        await page.until(ANSWERED, "the answer ends")
        whole = (await page.text(ANSWER))[0]

    assert await page.text(".said-user") == ["How long does the flu last?"]
    assert whole.startswith(early)
    assert 0 < len(early) < len(whole)
    assert page.errors == []


async def test_stop_ends_the_answer_and_the_models_work(
    page: Page, slow_llm: tuple[Service, str]
) -> None:
    app, llm = slow_llm
    with serve(assistant(llm)) as url:
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects")
        await page.click("#suggestions button")
        await page.until("document.querySelector('.said-assistant')?.textContent", "text comes")
        await page.click("#stop")
        await page.until("document.querySelector('.note')?.textContent === 'Stopped.'", "it stops")
        await asyncio.to_thread(
            wait_until, lambda: app.admission.load.running == 0, 1.0, "the upstream stops"
        )

    assert await page.run("document.querySelector('#stop').hidden")


async def test_all_of_it_works_from_the_keyboard(page: Page, slow_llm: tuple[Service, str]) -> None:
    with serve(assistant(slow_llm[1])) as url:
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects")
        await page.run("document.querySelector('#scroll').focus()")
        await page.press("Tab", 9)
        focused = await page.run("document.activeElement.textContent")
        await page.press_enter()
        await page.until("document.querySelector('.said-assistant')?.textContent", "text comes")
        await page.press("Escape", 27)
        await page.until("document.querySelector('.note')?.textContent === 'Stopped.'", "it stops")

    assert focused == "How long does the flu last?"
    assert await page.text(".said-user") == [focused]
    assert await page.run("document.activeElement.id") == "message"


async def test_markup_in_an_answer_is_text(page: Page, scripted: Upstream) -> None:
    markup = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>"
    scripted.behave = says(markup[:7], markup[7:])
    with serve(assistant(scripted.url)) as url:
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects")
        await ask(page, "<i>hello</i>")
        await page.until(ANSWERED, "the answer ends")

    assert await page.text(ANSWER) == [markup]
    assert await page.text(".said-user") == ["<i>hello</i>"]
    assert await page.run("document.querySelectorAll('#log img, #log b, #log i').length") == 0
    assert await page.run("document.title") == "Health assistant"


async def test_an_emergency_stands_out(page: Page, scripted: Upstream) -> None:
    with serve(assistant(scripted.url, region="US")) as url:
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects")
        await ask(page, "my dad is not breathing")
        await page.until(ANSWERED, "the answer ends")
        low = await page.run(LOW_CONTRAST)

    assert "Call 911 now" in (await page.text(f"{ANSWER}.said-emergency"))[0]
    assert low == []


async def test_shift_enter_starts_a_new_line(page: Page, scripted: Upstream) -> None:
    with serve(assistant(scripted.url)) as url:
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects")
        await page.type("#message", "one")
        await page.press_enter(modifiers=8)
        await ask(page, "two")
        await page.until(ANSWERED, "the answer ends")

    assert await page.text(".said-user") == ["one\ntwo"]


async def test_the_page_comes_back_after_a_restart_and_remembers(
    page: Page, scripted: Upstream
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    with serve(assistant(scripted.url), port=port) as url:
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects")
        await ask(page, "one")
        await page.until(ANSWERED, "the answer ends")
        stopping = asyncio.create_task(
            page.until("document.querySelector('#status').dataset.state === 'bad'", "it says so")
        )
    await stopping
    with serve(assistant(scripted.url), port=port):
        await page.until(READY, "the page connects again")
        await ask(page, "two")
        await page.until("document.querySelectorAll('.said-assistant').length === 2", "it goes on")
        await page.until(ANSWERED, "the answer ends")

    assert scripted.contexts == [["one"], ["one", "Yes.", "two"]]


async def test_a_failed_question_can_be_asked_again(page: Page, scripted: Upstream) -> None:
    scripted.behave = lambda exchange: exchange.reply(500, b"{}")
    with serve(assistant(scripted.url)) as url:
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects")
        await ask(page, "one")
        await page.until(f"document.querySelector('{NOTICE}')", "the failure is told")
        told = await page.text(f"{NOTICE} span")
        scripted.behave = says("Yes.")
        await page.click(".again")
        await page.until(ANSWERED, "the answer ends")

    assert told == ["The assistant could not answer."]
    assert await page.text(".said-user") == ["one"]
    assert await page.text(ANSWER) == ["Yes."]


async def test_clear_empties_the_page_and_the_servers_memory(
    page: Page, scripted: Upstream
) -> None:
    with serve(assistant(scripted.url)) as url:
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects")
        await ask(page, "one")
        await page.until(ANSWERED, "the answer ends")
        await page.click("#clear")
        welcome = await page.run("!document.querySelector('#welcome').hidden")
        await ask(page, "two")
        await page.until(ANSWERED, "the answer ends")

    assert welcome
    assert scripted.contexts == [["one"], ["two"]]


async def test_a_key_is_asked_for_and_kept_for_the_tab_only(page: Page, scripted: Upstream) -> None:
    with serve(assistant(scripted.url, api_keys="right")) as url:
        await page.open(f"{url}/ws-llm/")
        await page.until("!document.querySelector('#key-form').hidden", "a key is asked for")
        await ask_key(page, "wrong")
        await page.until("document.querySelector('#key-error').textContent", "it is refused")
        await ask_key(page, "right")
        await page.until(READY, "the page connects")
        await ask(page, "one")
        await page.until(ANSWERED, "the answer ends")
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects without asking again")

    assert await page.run("JSON.stringify(localStorage)") == "{}"
    assert json.loads(await page.run("JSON.stringify(sessionStorage)")) == {"parley-key": "right"}


async def ask_key(page: Page, key: str) -> None:
    await page.type("#key", key)
    await page.press_enter()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_sticks_out_on_a_phone_and_all_text_has_contrast(
    page: Page, scripted: Upstream, scheme: str
) -> None:
    scripted.behave = says("Averyveryverylongword" * 20)
    with serve(assistant(scripted.url)) as url:
        await page.prefer(scheme)
        await page.resize(360, 640)
        await page.open(f"{url}/ws-llm/")
        await page.until(READY, "the page connects")
        low = await page.run(LOW_CONTRAST)
        await ask(page, "x" * 200)
        await page.until(ANSWERED, "the answer ends")
        low += await page.run(LOW_CONTRAST)
        width = await page.run(
            "Math.max(...['html', '#scroll'].map(s => document.querySelector(s).scrollWidth))"
        )

    assert width <= 360
    assert low == []
