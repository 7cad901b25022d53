"""Fetches a model into the cache before its service starts, and tells meanwhile how far it is.

A container of its own does this, which has a way to the hub, so that the service needs none. It
serves what the service serves while it starts: `/readyz` with the progress, 503 elsewhere.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from parley_kit import downloads
from parley_kit.app import Service
from parley_kit.downloads import Download, Wanted
from parley_kit.errors import SettingsError
from parley_kit.health import Health
from parley_kit.logging import configure
from parley_kit.server import Server, bind, config
from parley_kit.settings import ServiceSettings, load

log = logging.getLogger("parley.fetching")

S = TypeVar("S", bound=ServiceSettings)

THERE, REFUSED, INTERRUPTED = 0, 2, 143
"""Exit statuses: the model is there; it cannot be had; a signal came first."""
_GRACE_S = 1
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Fetch:
    """The component of a service that never gets ready: it ends when the model is there."""

    def __init__(self, wanted: Wanted, finish: Callable[[Path], None]) -> None:
        """
        Args:
            finish: what is left to do with the directory of the files.
        """
        self._wanted = wanted
        self._finish = finish
        self._download = Download()
        self.exit_status = INTERRUPTED
        self.on_end: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Fetch, then wait for the end of the process."""
        try:
            directory = await downloads.fetch(self._wanted, self._download)
            await asyncio.to_thread(self._finish, directory)
        except SettingsError as exc:
            self.exit_status = REFUSED
            log.error("%s", exc)
        else:
            self.exit_status = THERE
            log.info("the model is there", extra={"data": {"model": self._wanted.repository}})
        self.on_end()
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Whoever cancels `start` ends the download."""

    def status(self) -> Mapping[str, object]:
        return {"model": self._wanted.repository, "download": self._download.status()}


def main(name: str, settings_type: type[S], wanted_by: Callable[[S], Wanted | None]) -> int:
    """The whole of a service's `fetch` module.

    Args:
        wanted_by: what a service with these settings needs of the hub; None: nothing.

    Returns:
        The exit status.
    """
    try:
        # Nobody needs a key for what is served here.
        settings = load(settings_type, allow_anonymous=True)
        configure(settings.log_format, settings.log_level)
        wanted = wanted_by(settings)
        if wanted is None:
            log.info("nothing to download")
            return THERE
        return run(name, settings, wanted)
    except SettingsError as exc:
        print(exc, file=sys.stderr)  # noqa: T201  the one line that a person has to read
        return REFUSED


def run(
    name: str,
    settings: ServiceSettings,
    wanted: Wanted,
    finish: Callable[[Path], None] = lambda directory: None,
) -> int:
    """Serve until the files are there, or cannot be had, or a signal comes.

    Raises:
        SettingsError: the address to listen on cannot be had.
    """
    fetch = Fetch(wanted, finish)
    service = Service(name, settings, fetch, health=Health("its model from the hub"))
    _refuse_everything_else(service)
    server = Server(config(service, grace_s=_GRACE_S), service.health.mark_draining)
    fetch.on_end = server.stop
    sock = bind(settings.listen_host, settings.listen_port)
    host, port = sock.getsockname()[:2]
    log.info("fetching", extra={"data": {"model": wanted.repository, "host": host, "port": port}})
    server.run(sockets=[sock])
    return fetch.exit_status


def _refuse_everything_else(service: Service) -> None:
    @service.api_route("/{path:path}", methods=_METHODS)
    async def nothing_yet(path: str) -> None:
        service.health.require_ready()
