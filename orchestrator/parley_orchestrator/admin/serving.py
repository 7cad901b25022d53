"""Runs the admin page beside the worker, on the worker's own event loop."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

from parley_kit.errors import SettingsError
from parley_kit.server import Server, bind, config
from parley_orchestrator.admin.app import create_app
from parley_orchestrator.admin.settings import AdminSettings
from parley_orchestrator.board import Board
from parley_orchestrator.settings import OrchestratorSettings

log = logging.getLogger("parley.admin")

_LOOK_EVERY_S = 0.01


@asynccontextmanager
async def admin_page(
    settings: OrchestratorSettings,
    admin: AdminSettings,
    board: Board,
    calls_on: Callable[[], int],
    taken: asyncio.Event,
) -> AsyncIterator[str]:
    """Serve the page for as long as the context lasts; the value is its address.

    Args:
        calls_on: how many calls are on.
        taken: set once LiveKit's server has taken the worker.

    Raises:
        SettingsError: a key is needed and there is none, or the port is taken.
    """
    app = create_app(settings, admin, board, calls_on, taken)
    sock = bind(admin.listen_host, admin.listen_port)
    server = _Server(config(app, grace_s=admin.shutdown_grace_s), app.health.mark_draining)
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="admin page")
    try:
        while not server.started:
            if serving.done():
                serving.result()
                raise SettingsError(f"The admin page could not start: {app.health.reason}.")
            await asyncio.sleep(_LOOK_EVERY_S)
        host, port = sock.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/admin/"
        log.info("the admin page is at %s", address)
        yield address
    finally:
        server.stop()
        try:
            async with asyncio.timeout(admin.shutdown_grace_s + 1):
                await serving
        except TimeoutError:
            log.warning("the admin page did not end in time")
        sock.close()


class _Server(Server):
    """Leaves the signals to the worker."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
