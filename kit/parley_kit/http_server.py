"""HTTP under uvicorn: what was taken from a caller is answered.

The system opens connections for a listening socket before anybody accepts them, and resets those
that wait when it is closed; uvicorn closes those whose request it has not read yet. To a caller
both look like a failure in the middle of its request. And uvicorn gives every request that asks
for a WebSocket to a parser that falls silent over what it does not take.
"""

import logging
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from uvicorn._types import HTTPScope
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.exceptions import SecurityError
from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS, Request
from websockets.server import ServerProtocol

from parley_kit.edge import SERVERS_REFUSAL
from parley_kit.errors import HeadersTooLarge

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


def fault_of_handshake(
    scope: HTTPScope, headers: Iterable[tuple[bytes, bytes]]
) -> Exception | None:
    """What the parser of WebSockets has against a request; None if it is a handshake."""
    target = b"%b?%b" % (scope["raw_path"], scope["query_string"])
    lines = [b"%b %b HTTP/1.1" % (scope["method"].encode("ascii"), target)]
    lines += [b"%b: %b" % header for header in headers]
    parser = ServerProtocol(logger=logging.getLogger("uvicorn.error"))
    parser.receive_data(b"\r\n".join([*lines, b"", b""]))
    for event in parser.events_received():
        assert isinstance(event, Request)
        parser.accept(event)
    return parser.handshake_exc


class PatientHttpProtocol(H11Protocol):
    """Waits for the first request of a connection, also when the server shuts down.

    What asks for a WebSocket and is no handshake is a request like any other.
    """

    def _should_upgrade(self) -> bool:
        if not super()._should_upgrade():
            return False
        fault = fault_of_handshake(self.scope, self.headers)
        if fault is not None and isinstance(fault.__cause__, SecurityError):
            self.scope["state"][SERVERS_REFUSAL] = HeadersTooLarge(
                f"A WebSocket's handshake has at most {MAX_NUM_HEADERS} headers and "
                f"{MAX_LINE_LENGTH} bytes in a line."
            )
        return fault is None

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
