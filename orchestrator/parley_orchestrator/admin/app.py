"""Puts the admin page together."""

import asyncio
from collections.abc import Callable

from parley_kit.app import Service
from parley_kit.health import Health
from parley_kit.pages import open_paths, page_routes
from parley_orchestrator.admin.component import Overview
from parley_orchestrator.admin.readiness import Lookout, targets
from parley_orchestrator.admin.routes import PAGE, add_routes
from parley_orchestrator.admin.settings import AdminSettings
from parley_orchestrator.admin.view import Member
from parley_orchestrator.board import Board
from parley_orchestrator.metrics import Load, WorkerMetrics
from parley_orchestrator.settings import OrchestratorSettings

NAME = "admin"


def create_app(
    settings: OrchestratorSettings,
    admin: AdminSettings,
    board: Board,
    calls_on: Callable[[], int],
    taken: asyncio.Event,
) -> Service:
    """The page, its JSON, its events and the metrics; the board stays its owner's to close.

    All of that is served from the beginning; ready it is once LiveKit's server has `taken` the
    worker.

    Raises:
        SettingsError: no key is configured although one is needed.
    """
    lookout = Lookout(
        targets(settings), every_s=admin.probe_interval_s, timeout_s=admin.probe_timeout_s
    )
    load = Load(calls_on, settings.max_calls)
    overview = Overview(
        board, Member.chain(settings), lookout, settings.failures_to_open, load, taken
    )
    # Without its slash the root is a path of its own to the edge.
    service = Service(
        NAME,
        admin,
        overview,
        open_paths=open_paths((*PAGE, f"/{NAME}")),
        health=Health(waits_for="LiveKit's server"),
    )
    service.metrics.registry.register(WorkerMetrics(board, settings.chain, load))
    service.include_router(page_routes("parley_orchestrator.admin", PAGE))
    add_routes(service, overview)
    return service
