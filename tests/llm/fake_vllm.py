"""An application with the parts of vLLM's that the edge has to do with, and the edge around it.

It is built as vLLM builds its own: a root path, the middleware added last, and more routes than
anybody should reach.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI, Request
from prometheus_client import REGISTRY, Counter
from starlette.responses import JSONResponse, Response, StreamingResponse

from parley_kit.server import Server, bind, config
from parley_llm.vllm.edge import VllmEdge
from tests.serving import wait_until

OPEN_IN_VLLM = ("/invocations", "/tokenize", "/ping", "/load", "/version", "/scale_elastic_ep")
EVENTS = [b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', b": keep-alive\n\n"]

Behaviour = Callable[[dict[str, Any]], Awaitable[Response]]


class FakeVllm:
    """Answers as a test says; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.behave: Behaviour = whole
        self.begun = self.aborted = 0
        self.warm_status = 200
        self.reached: list[str] = []

    async def chat(self, request: Request) -> Response | None:
        """As vLLM's handlers do: work in one task, and listen for the caller's going in another.

        Cancelling this leaves the work running.
        """
        body = await request.json()
        self.asked.append(body)
        working = asyncio.create_task(self._work(body))
        listening = asyncio.create_task(_listen_for_disconnect(request))
        _, pending = await asyncio.wait([working, listening], return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return working.result() if working not in pending else None

    async def _work(self, body: dict[str, Any]) -> Response:
        self.begun += 1
        try:
            return await self.behave(body)
        except asyncio.CancelledError:
            self.aborted += 1
            raise

    async def complete(self, request: Request) -> Response:
        await request.json()
        return JSONResponse({"object": "text_completion"}, status_code=self.warm_status)

    async def endless(self, body: dict[str, Any]) -> Response:
        """Events until the caller goes."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield EVENTS[0]
                await asyncio.sleep(0.01)
        except (asyncio.CancelledError, GeneratorExit):
            self.aborted += 1
            raise

    async def anything(self, request: Request) -> Response:
        self.reached.append(request.url.path)
        return JSONResponse({})


async def _listen_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def whole(body: dict[str, Any]) -> Response:
    return JSONResponse({"object": "chat.completion", "theirs": 1})


async def stream(body: dict[str, Any]) -> Response:
    async def events() -> AsyncIterator[bytes]:
        for event in (*EVENTS, b"data: [DONE]\n\n"):
            yield event

    return StreamingResponse(events(), media_type="text/event-stream")


async def never(body: dict[str, Any]) -> Response:
    await asyncio.Event().wait()
    raise AssertionError


@dataclass(slots=True)
class Tokens:
    """vLLM's counters, in the process's registry as vLLM has them."""

    read: Counter
    written: Counter


@contextmanager
def counters() -> Iterator[Tokens]:
    tokens = Tokens(
        Counter("vllm:prompt_tokens", "Read.", ["engine"]),
        Counter("vllm:generation_tokens", "Written.", ["engine"]),
    )
    try:
        yield tokens
    finally:
        REGISTRY.unregister(tokens.read)
        REGISTRY.unregister(tokens.written)


@contextmanager
def served(vllm: FakeVllm, monkeypatch: pytest.MonkeyPatch, **environment: str) -> Iterator[str]:
    """The address of a server with the edge as these variables say; keys `k1` and `k2`."""
    for name, value in {"API_KEYS": "k1,k2", **environment}.items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    sock = bind("127.0.0.1", 0)
    server = Server(config(_application(vllm), grace_s=2), lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, 10, "the server listens")
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.stop()
        thread.join(10)
        sock.close()
        # The edge takes over the process's logs, as it has to inside vLLM.
        root.handlers[:], root.level = handlers, level
        assert not thread.is_alive(), "the server ended"


def _application(vllm: FakeVllm) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(lifespan=lifespan)
    app.root_path = "/llm"
    app.add_api_route("/v1/chat/completions", vllm.chat, methods=["POST"], response_model=None)
    app.add_api_route("/v1/completions", vllm.complete, methods=["POST"], response_model=None)
    for path in (*OPEN_IN_VLLM, "/v1/messages", "/metrics"):
        app.add_api_route(path, vllm.anything, methods=["GET", "POST"], response_model=None)
    app.add_middleware(VllmEdge)
    return app
