"""The last connections before a server stops: what was taken from a caller is answered.

Between its last look and the closing of a listening socket the system accepts connections that
nobody will read, and uvicorn closes those whose request it has not read yet. To a caller both look
like a failure in the middle of its request.
"""

import ctypes
import socket
import struct
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

# How long a new connection may take to bring its request when the server is about to stop.
FIRST_REQUEST_WITHIN_S = 1.0

_SO_ATTACH_FILTER = 26
# Load the byte of TCP's flags; with SYN in it keep nothing of the packet, else all.
_LOAD_BYTE, _JUMP_IF_SET, _RETURN, _FLAGS_AT, _SYN = 0x30, 0x45, 0x06, 13, 0x02
_DROP_SYN = (
    (_LOAD_BYTE, 0, 0, _FLAGS_AT),
    (_JUMP_IF_SET, 0, 1, _SYN),
    (_RETURN, 0, 0, 0),
    (_RETURN, 0, 0, 0xFFFFFFFF),
)


def take_no_more(listener: socket.socket) -> None:
    """Let no further connection be opened, while those that were are still accepted.

    Who tries asks again a second later, by itself, and then finds the port closed. Where the system
    cannot do that (it is Linux's), connections are opened until the socket is closed.
    """
    program = b"".join(struct.pack("HBBI", *step) for step in _DROP_SYN)
    buffer = ctypes.create_string_buffer(program)
    value = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(buffer))
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, value)


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
