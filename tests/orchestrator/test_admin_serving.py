"""The admin page beside a worker: on the worker's loop, ended with it, its signals left alone."""

import asyncio
import signal

import httpx2
import pytest

from parley_kit.errors import PortTaken, SettingsError
from parley_kit.settings import load
from parley_orchestrator.admin.serving import admin_page
from parley_orchestrator.admin.settings import AdminSettings, load_admin
from parley_orchestrator.settings import OrchestratorSettings
from tests.orchestrator.administering import board, registered
from tests.serving import wait_until

pytestmark = pytest.mark.anyio


def orchestrator() -> OrchestratorSettings:
    return load(OrchestratorSettings, llm_chain="qwen", openai_base_url="http://127.0.0.1:9")


def nobody_on() -> int:
    return 0


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> AdminSettings:
    monkeypatch.setenv("ADMIN_PORT", "0")
    return load_admin()


async def test_it_serves_as_long_as_the_context_lasts(admin: AdminSettings) -> None:
    with board() as shared:
        async with (
            admin_page(orchestrator(), admin, shared, nobody_on, registered()) as url,
            httpx2.AsyncClient() as client,
        ):
            page = await client.get(url)
            status = await client.get(f"{url}status")
        async with httpx2.AsyncClient() as client:
            with pytest.raises(httpx2.ConnectError):
                await client.get(url)

    assert "Voice agent" in page.text
    assert status.json()["current"]["name"] == "qwen"


async def test_it_is_ready_once_livekit_has_taken_the_worker(admin: AdminSettings) -> None:
    taken = asyncio.Event()
    with board() as shared:
        async with (
            admin_page(orchestrator(), admin, shared, nobody_on, taken) as url,
            httpx2.AsyncClient(base_url=url) as client,
        ):
            page, early = await client.get(""), await client.get("readyz")
            taken.set()
            await asyncio.to_thread(
                wait_until,
                lambda: httpx2.get(f"{url}readyz").status_code == 200,
                10,
                "it is ready",
            )

    assert page.status_code == 200
    assert early.status_code == 503
    assert "waits for LiveKit's server" in early.json()["error"]["message"]


async def test_the_workers_signals_stay_its_own(admin: AdminSettings) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with board() as shared:
        async with admin_page(orchestrator(), admin, shared, nobody_on, registered()):
            during = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    assert during == before


async def test_a_worker_that_is_cancelled_ends_the_page_too(admin: AdminSettings) -> None:
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        with board() as shared:
            async with admin_page(orchestrator(), admin, shared, nobody_on, registered()) as url:
                address.set_result(url)
                await asyncio.Event().wait()

    worker = asyncio.create_task(work())
    async with asyncio.timeout(10):
        url = await address
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker
    async with httpx2.AsyncClient() as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(url)


async def test_a_port_that_is_taken_is_told(
    admin: AdminSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with board() as shared:
        async with admin_page(orchestrator(), admin, shared, nobody_on, registered()) as url:
            monkeypatch.setenv("ADMIN_PORT", str(httpx2.URL(url).port))
            with pytest.raises(PortTaken):
                async with admin_page(
                    orchestrator(), load_admin(), shared, nobody_on, registered()
                ):
                    pass


async def test_without_a_key_it_is_not_served_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_HOST", "0.0.0.0")
    with board() as shared, pytest.raises(SettingsError, match="No API key"):
        async with admin_page(orchestrator(), load_admin(), shared, nobody_on, registered()):
            pass
