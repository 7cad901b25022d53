"""Whether the ports that the stack is published on can be had."""

import errno
import socket
from collections.abc import Collection
from enum import Enum

from parley.doctor.findings import Line, failure, ok, skipped
from parley.doctor.project import Port

_SETTINGS = {"orchestrator": "ADMIN_PORT", "grafana": "GRAFANA_PORT"}
_ADDRESSES = {"livekit": "LIVEKIT_ADDRESS"}
_OF_GATEWAY = {8080: "GATEWAY_PORT", 8443: "GATEWAY_TLS_PORT"}


class Held(Enum):
    """What binding a port came to."""

    FREE = "free"
    TAKEN = "taken"
    NOT_OURS = "not ours to try"
    NO_ADDRESS = "no such address"


def try_port(port: Port) -> Held:
    """Bind it, and let it go again."""
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as sock:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((port.address, port.number))
        except OSError as exc:
            return _held(exc)
    return Held.FREE


def _held(exc: OSError) -> Held:
    if exc.errno == errno.EADDRINUSE:
        return Held.TAKEN
    if exc.errno == errno.EADDRNOTAVAIL:
        return Held.NO_ADDRESS
    return Held.NOT_OURS


def judge_port(port: Port, held: Held, ours: Collection[int]) -> Line:
    """
    Args:
        ours: ports that containers of this stack hold.
    """
    what = f"{port.number} ({port.service})"
    if port.number in ours:
        return ok(f"{what} is held by this stack")
    if held is Held.FREE:
        return ok(f"{what} is free")
    if held is Held.NOT_OURS:
        return skipped(f"{what} cannot be tried by this user, and may be free for Docker")
    if held is Held.NO_ADDRESS:
        return failure(
            f"{port.address} is no address of this host",
            f"Correct {_ADDRESSES.get(port.service, 'GATEWAY_ADDRESS')} in .env.",
        )
    of_gateway = port.service == "gateway"
    setting = _OF_GATEWAY.get(port.target) if of_gateway else _SETTINGS.get(port.service)
    other = f", or set {setting} to another in .env" if setting else ""
    return failure(
        f"{what} is taken by another program",
        f"Stop that (`ss -ltnp 'sport = :{port.number}'` names it){other}.",
    )
