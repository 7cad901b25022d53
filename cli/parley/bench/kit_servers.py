"""The two sides of `bench kit`: the same two routes on bare Starlette and on the kit.

The kit is what `bench gateway` has behind its gateway, too.

`python -m parley.bench.kit_servers bare|kit|behind` serves until SIGTERM; prints its port as JSON.
"""

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncGenerator, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from parley_kit import sse
from parley_kit.app import Service
from parley_kit.context import context_of
from parley_kit.logging import configure
from parley_kit.server import Server, bind, config
from parley_kit.settings import ServiceSettings

EVENTS = 300
EVENT_EVERY_S = 0.01
"""The pace of a fast language model; uneven, or all streams would come to march in step."""
_EVENT = sse.event({"choices": [{"index": 0, "delta": {"content": " word"}}]})


async def _events() -> AsyncGenerator[bytes, None]:
    for _ in range(EVENTS):
        yield _EVENT
        await asyncio.sleep(random.uniform(0.5, 1.5) * EVENT_EVERY_S)


async def _wait(request: Request) -> Response:
    """A no-op engine that takes as long as the caller says: without it nothing is in flight."""
    await asyncio.sleep(float(request.query_params["s"]))
    return JSONResponse({"ok": True})


def bare() -> ASGIApp:
    async def events(request: Request) -> Response:
        return StreamingResponse(_events(), media_type="text/event-stream")

    routes = [Route("/events", events), Route("/wait", _wait)]
    return Starlette(routes=routes)


class _NoEngine:
    async def start(self) -> None:
        """There is nothing to load."""

    async def close(self) -> None:
        """There is nothing to release."""

    def status(self) -> Mapping[str, object]:
        return {}


async def _soon() -> AsyncGenerator[bytes, None]:
    """A short answer, of which the first piece is there at once."""
    for _ in range(3):
        yield _EVENT
        await asyncio.sleep(EVENT_EVERY_S)


def kit(name: str = "bench") -> ASGIApp:
    service = Service(name, ServiceSettings(api_keys="", allow_anonymous=True), _NoEngine())

    @service.get("/events", response_model=None)
    async def events(request: Request) -> Response:
        return await sse.respond(_events(), context_of(request.scope))

    @service.get("/soon", response_model=None)
    async def soon(request: Request) -> Response:
        return await sse.respond(_soon(), context_of(request.scope))

    service.add_api_route("/wait", _wait, response_model=None)
    return service


def behind() -> ASGIApp:
    """The kit under the name of a service that the gateway knows."""
    return kit("stt")


def main() -> None:
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  log lines are written, and read by no one
    configure("json", "info")
    app = {"bare": bare, "kit": kit, "behind": behind}[sys.argv[1]]()
    sock = bind("127.0.0.1", 0)
    print(json.dumps({"port": sock.getsockname()[1]}), flush=True)
    Server(config(app, grace_s=1), lambda: None).run(sockets=[sock])


if __name__ == "__main__":
    main()
