"""A service with nothing but the kit in it, for the kit's tests."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from parley_kit import sse
from parley_kit.app import Service
from parley_kit.context import context_of
from parley_kit.errors import InvalidRequest, UpstreamFailed
from parley_kit.models import model_routes
from parley_kit.settings import ServiceSettings


@dataclass
class Demo:
    """An engine that does what a test tells it."""

    fails: Exception | None = None
    loads: bool = True
    closed: bool = False
    work_started: int = 0
    work_ended: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        if self.fails is not None:
            raise self.fails
        if not self.loads:
            await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True

    def status(self) -> Mapping[str, object]:
        return {"engine": "demo"}


class Body(BaseModel):
    name: str = Field(max_length=5)
    numbers: list[int] = []


def demo_service(engine: Demo | None = None, **settings: Any) -> Service:
    engine = engine or Demo()
    settings = {"allow_anonymous": True, **settings}
    service = Service(
        "demo",
        ServiceSettings(**settings),
        engine,
        open_paths=frozenset({("GET", "/v1/open")}),
    )
    service.include_router(model_routes(["demo", "Org/Demo-1"]))
    service.include_router(_routes(service, engine))
    return service


def _routes(service: Service, engine: Demo) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/open")
    @router.get("/closed")
    async def whoami(request: Request) -> dict[str, str]:
        return {"key": context_of(request.scope).key_id}

    @router.post("/validate")
    async def validate(body: Body) -> Body:
        return body

    @router.post("/length")
    async def length(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @router.post("/work")
    @router.get("/work")
    async def work(request: Request) -> dict[str, str]:
        """Holds a place of the engine until the test releases it."""
        await request.body()
        async with service.admission.slot(context_of(request.scope).key_id):
            engine.work_started += 1
            try:
                await engine.release.wait()
            finally:
                engine.work_ended += 1
        return {"done": "yes"}

    @router.get("/bug")
    async def bug() -> None:
        raise ValueError("canary-in-an-exception")

    @router.get("/events")
    async def events(request: Request, fail: str = "", count: int = 3) -> Response:
        return await sse.respond(_events(engine, fail, count), context_of(request.scope))

    @router.get("/bytes")
    async def raw() -> Response:
        async def body() -> AsyncGenerator[bytes, None]:
            yield b"first"
            raise ValueError("canary-in-a-stream")

        return StreamingResponse(body(), media_type="audio/pcm")

    return router


async def _events(engine: Demo, fail: str, count: int) -> AsyncGenerator[bytes, None]:
    engine.work_started += 1
    try:
        if fail == "before":
            raise InvalidRequest("No such voice.", param="voice")
        for number in range(count):
            yield sse.event({"number": number})
        if fail == "known":
            raise UpstreamFailed("The upstream went away.")
        if fail == "unknown":
            raise ValueError("canary-in-a-stream")
        if fail == "hang":
            await asyncio.Event().wait()
        yield sse.DONE
    finally:
        engine.work_ended += 1
