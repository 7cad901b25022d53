"""The page's files, its live updates, and the way to it without the last slash."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from parley_kit import sse
from parley_kit.app import Service
from parley_kit.context import context_of
from parley_kit.health import State
from parley_kit.pages import BareRoot
from parley_orchestrator.admin.component import Overview
from parley_orchestrator.admin.live import updates

_FILES = ("admin.css", "admin.js", "chart.js", "feed.js", "words.js", "icon.svg")
PAGE = {"/": "admin.html", **{f"/{name}": name for name in _FILES}}


def add_routes(service: Service, overview: Overview) -> None:
    """Beside the kit's `/status`, which is the same as JSON, and `/metrics`."""
    router = APIRouter()

    @router.get("/events")
    async def events(request: Request) -> Response:
        context = context_of(request.scope)
        stream = updates(
            overview.snapshot, lambda: service.health.state is not State.DRAINING, context
        )
        held = service.admission.holding(context.key_id, stream)
        return await sse.respond(held, context)

    service.include_router(router)
    service.router.routes.append(BareRoot())
