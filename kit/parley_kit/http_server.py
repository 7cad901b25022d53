"""The last connections before a server stops: what was taken from a caller is answered.

The system opens connections for a listening socket before anybody accepts them, and resets those
that wait when it is closed; uvicorn closes those whose request it has not read yet. To a caller
both look like a failure in the middle of its request.
"""

import socket
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

# How long a new connection may take to bring its request when the server is about to stop.
FIRST_REQUEST_WITHIN_S = 1.0


def accept_all(listener: socket.socket) -> list[socket.socket]:
    """The connections that wait to be accepted, on a socket that does not block."""
    accepted = []
    with suppress(BlockingIOError):
        while True:
            connection, _ = listener.accept()
            connection.setblocking(False)
            accepted.append(connection)
    return accepted


class PatientHttpProtocol(H11Protocol):
    """Waits for the first request of a connection, also when the server shuts down."""

    def shutdown(self) -> None:
        if self.cycle is None:
            self.loop.call_later(FIRST_REQUEST_WITHIN_S, self._shutdown_late)
        else:
            super().shutdown()

    def _shutdown_late(self) -> None:
        protocol: Any = self.transport.get_protocol()
        if protocol is not self:  # a WebSocket by now
            protocol.shutdown()
        elif not self.transport.is_closing():
            super().shutdown()
