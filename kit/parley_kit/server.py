"""Runs an application on a socket: limits on what arrives, and a shutdown that loses nothing."""

import asyncio
import errno
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import uvicorn
from starlette.types import ASGIApp

from parley_kit.app import Service
from parley_kit.errors import PortTaken, SettingsError
from parley_kit.http_server import PatientHttpProtocol, accept_all
from parley_kit.logging import configure
from parley_kit.settings import ServiceSettings, load
from parley_kit.ws_server import UnhurriedWebSocketProtocol

log = logging.getLogger("parley.server")

S = TypeVar("S", bound=ServiceSettings)

# h11 refuses larger requests itself, with a body that is not the envelope; the edge refuses
# smaller ones first (MAX_HEADER_BYTES stays below this).
_H11_BUFFER_BYTES = 64 << 10
# Services have smaller limits, which close with an error that says so.
_MAX_WS_MESSAGE_BYTES = 4 << 20
# The port is open by then: a gateway has nobody else to ask for what it has sent here.
_KEEPS_WAITING_S = 4.0


class Server(uvicorn.Server):
    """Uvicorn that first says it is draining, then stops listening, then ends what is in flight.

    Args:
        on_drain: called at the first SIGTERM or SIGINT.
        drain_delay_s: how long it goes on listening after that, so that a load balancer which
            polls `/readyz` can take it out first.
    """

    def __init__(
        self, config: uvicorn.Config, on_drain: Callable[[], None], drain_delay_s: float = 0.0
    ) -> None:
        super().__init__(config)
        self._on_drain = on_drain
        self._drain_delay_s = drain_delay_s
        self._draining = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal, end at once at a second.

        Uvicorn's own would raise the signal again at the end, and a stop that lost nothing would
        look like a crash.
        """
        if self._draining:
            self.should_exit = True
            self.force_exit = sig == signal.SIGINT
            return
        self._draining = True
        self._on_drain()
        if self._drain_delay_s:
            asyncio.get_running_loop().call_later(self._drain_delay_s, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept whoever waits at the door, close it, and end what is in flight."""
        loop = asyncio.get_running_loop()
        listeners = [one for one in sockets or () if one.fileno() >= 0]
        for listener in listeners:
            loop.remove_reader(listener)
        # What the loop itself has accepted needs its server once more.
        await asyncio.sleep(0)
        last = [connection for listener in listeners for connection in accept_all(listener)]
        for server in self.servers:
            server.close()
        for connection in last:
            await loop.connect_accepted_socket(self._protocol, connection)
        await super().shutdown(sockets)

    def _protocol(self) -> PatientHttpProtocol:
        return PatientHttpProtocol(self.config, self.server_state, self.lifespan.state)

    def stop(self) -> None:
        """End as on SIGTERM, without a signal."""
        self.handle_exit(signal.SIGTERM, None)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        PortTaken: another process listens there.
        SettingsError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio turns Nagle's algorithm off; else replies wait 40 ms for ACKs.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(2048)
    except OSError as exc:
        sock.close()
        if exc.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"Port {port} on {host} is already taken: stop what uses it or choose another."
            ) from exc
        raise SettingsError(f"Cannot listen on {host}:{port}: {exc.strerror or exc}.") from exc
    sock.setblocking(False)
    return sock


def config(app: ASGIApp, *, grace_s: int) -> uvicorn.Config:
    """Uvicorn's settings, the same for every service."""
    return uvicorn.Config(
        app,
        http=PatientHttpProtocol,
        ws=UnhurriedWebSocketProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_H11_BUFFER_BYTES,
        ws_max_size=_MAX_WS_MESSAGE_BYTES,
        ws_max_queue=8,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=grace_s,
        lifespan="on",
    )


def main(settings_type: type[S], create_app: Callable[[S], Service]) -> int:
    """The whole of a service's `__main__`: settings, application, socket, serve until a signal.

    Returns:
        The exit status: 0 after a signal, 1 when the engine could not start, 2 for settings.
    """
    try:
        settings = load(settings_type)
        configure(settings.log_format, settings.log_level)
        service = create_app(settings)
        sock = bind(settings.listen_host, settings.listen_port)
    except SettingsError as exc:
        print(exc, file=sys.stderr)  # noqa: T201  the one line that a person has to read
        return 2
    return serve(service, sock, settings)


def keep_what_is_loaded() -> None:
    """Let the garbage collector pass over all there is now: it stays until the process ends.

    Going through what a service has loaded holds its event loop for a tenth of a second, again and
    again.
    """
    gc.collect()
    gc.freeze()


def serve(service: Service, sock: socket.socket, settings: ServiceSettings) -> int:
    """Serve one service on a listening socket until a signal."""
    server = Server(
        config(service, grace_s=settings.shutdown_grace_s),
        service.health.mark_draining,
        settings.drain_delay_s,
    )
    service.on_failure = server.stop
    service.on_ready = keep_what_is_loaded
    service.keeps_waiting_s = _KEEPS_WAITING_S
    host, port = sock.getsockname()[:2]
    log.info("listening", extra={"data": {"service": service.name, "host": host, "port": port}})
    server.run(sockets=[sock])
    return 0 if service.health.reason is None else 1
