"""`REST_API_*` from the environment to the wire: what is set is what happens."""

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from parley_kit.settings import load
from parley_orchestrator.build import create_chain
from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.chain import Chain
from parley_orchestrator.llm.chat import ChatRequest, Said
from parley_orchestrator.settings import OrchestratorSettings
from tests.orchestrator.administering import board

pytestmark = pytest.mark.anyio

HELLO = ChatRequest((Said("user", "Hello"),))


@dataclass
class Api:
    """A chat API that answers 500, or nothing while it `hangs`."""

    url: str = ""
    hangs: bool = False
    organizations: list[str | None] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api()) as api:
        yield api


@contextmanager
def serving(api: Api) -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            api.organizations.append(self.headers["openai-organization"])
            if api.hangs:
                api.ended.wait(10)
                return
            self.send_response(500)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield api
    finally:
        api.ended.set()
        server.shutdown()
        server.server_close()


@asynccontextmanager
async def rest(
    api: Api, monkeypatch: pytest.MonkeyPatch, **environment: str
) -> AsyncIterator[Chain]:
    known = {"LLM_CHAIN": "rest", "REST_API_BASE_URL": api.url, "OPENAI_MODEL": "any"}
    for name, value in {**known, **environment}.items():
        monkeypatch.setenv(name, value)
    with board() as shared:
        chain = create_chain(load(OrchestratorSettings), shared)
        try:
            yield chain
        finally:
            await chain.close()


async def failure(chain: Chain) -> LlmFailed:
    with pytest.raises(LlmFailed) as failed:
        async for _ in chain.stream(HELLO):
            pass
    return failed.value


@pytest.mark.parametrize("retries", [0, 1])
async def test_retries_are_made_as_often_as_is_set(
    api: Api, monkeypatch: pytest.MonkeyPatch, retries: int
) -> None:
    async with rest(api, monkeypatch, REST_API_MAX_RETRIES=str(retries)) as chain:
        assert (await failure(chain)).kind == "server"

    assert len(api.organizations) == 1 + retries


async def test_the_timeout_is_the_one_that_is_set(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.hangs = True
    async with rest(api, monkeypatch, REST_API_TIMEOUT="0.3") as chain:
        asked = time.monotonic()
        assert (await failure(chain)).kind == "timeout"
        waited = time.monotonic() - asked

    assert 0.3 <= waited < 3.0


async def test_the_organisation_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rest(api, monkeypatch, OPENAI_ORG_ID="org-1", REST_API_MAX_RETRIES="0") as chain:
        await failure(chain)

    assert api.organizations == ["org-1"]
