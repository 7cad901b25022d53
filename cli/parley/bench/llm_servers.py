"""Servers that `bench llm` needs: an application built as vLLM's is, bare and behind our edge.

`python -m parley.bench.llm_servers bare|edge` serves until SIGTERM and prints its port as JSON. A
chat is answered with as many events, and at such a pace, as the request says; `/running` tells how
many answers are under way.
"""

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from parley_kit import sse
from parley_kit.logging import configure
from parley_kit.server import Server, bind, config
from parley_llm.vllm.edge import VllmEdge

MODEL = "bench"
_EVENT = sse.event({"choices": [{"index": 0, "delta": {"content": " word"}}]})


class Model:
    """Says words; knows how many answers it is giving."""

    def __init__(self) -> None:
        self.running = 0

    async def chat(self, request: Request) -> Response:
        asked = await request.json()
        return StreamingResponse(self._events(asked), media_type="text/event-stream")

    async def _events(self, asked: dict[str, float]) -> AsyncIterator[bytes]:
        self.running += 1
        try:
            await asyncio.sleep(asked.get("first_after_s", 0))
            for _ in range(int(asked["events"])):
                yield _EVENT
                if pause_s := asked.get("every_s", 0):
                    # Uneven, or all streams would come to march in step.
                    await asyncio.sleep(random.uniform(0.5, 1.5) * pause_s)
            yield sse.DONE
        finally:
            self.running -= 1

    async def complete(self, request: Request) -> Response:
        """The edge's warm inference."""
        return JSONResponse(await request.json())

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def count(self, request: Request) -> Response:
        return JSONResponse({"running": self.running})


def application() -> FastAPI:
    app, model = FastAPI(root_path="/llm"), Model()
    app.add_api_route("/v1/chat/completions", model.chat, methods=["POST"], response_model=None)
    app.add_api_route("/v1/completions", model.complete, methods=["POST"], response_model=None)
    app.add_api_route("/v1/models", model.models, response_model=None)
    app.add_api_route("/running", model.count, response_model=None)
    return app


def main() -> None:
    app = application()
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  log lines are written, and read by no one
    configure("json", "info")
    if sys.argv[1] == "edge":
        os.environ.update({"ALLOW_ANONYMOUS": "true", "LLM_MAX_CONCURRENCY": "1000"})
        app.add_middleware(VllmEdge)
    sock = bind("127.0.0.1", 0)
    print(json.dumps({"port": sock.getsockname()[1]}), flush=True)
    Server(config(app, grace_s=1), lambda: None).run(sockets=[sock])


if __name__ == "__main__":
    main()
