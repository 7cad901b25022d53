"""Who may open a socket: where a browser comes from, and which key a caller brings. Pure.

Browsers let every page open a WebSocket to every server and send no preflight, so the server
itself has to look at `Origin`. Callers that are not browsers send none.
"""

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from parley_kit.errors import ApiError
from parley_kit.ws_protocol import KEY_SUBPROTOCOL_PREFIX

_DEFAULT_PORTS = {"http": 80, "https": 443}


class ForeignOrigin(ApiError):
    """403: a page of another site opened the socket."""

    status = 403
    type = "invalid_request_error"
    default_code = "origin_not_allowed"

    def __init__(self) -> None:
        super().__init__(
            "This origin may not connect: add it to WS_LLM_ALLOWED_ORIGINS if it should."
        )


def check_origin(origin: str | None, host: str | None, allowed: Collection[str]) -> None:
    """
    Args:
        origin: the `Origin` header; None when there is none.
        host: the `Host` header.
        allowed: origins that may connect; empty: only the one that the page itself has.

    Raises:
        ForeignOrigin: the caller is a page of another site.
    """
    if origin is None:
        return
    if allowed:
        if origin.lower() not in allowed:
            raise ForeignOrigin
    elif host is None or not same_origin(origin, host):
        raise ForeignOrigin


def same_origin(origin: str, host: str) -> bool:
    """Whether a page at `origin` was loaded from `host`.

    The scheme is the page's: behind a gateway that ends TLS the service cannot know its own.
    """
    try:
        page = urlsplit(origin)
        port = page.port or _DEFAULT_PORTS[page.scheme]
        served = urlsplit(f"//{host}")
        served_port = served.port or _DEFAULT_PORTS[page.scheme]
    except (ValueError, KeyError):
        return False
    return bool(page.hostname) and (page.hostname, port) == (served.hostname, served_port)


def authorization(header: str | None, subprotocols: Sequence[str]) -> str | None:
    """The caller's `Authorization`, or what it put into a subprotocol, as browsers must."""
    if header is not None:
        return header
    keys = [p for p in subprotocols if p.startswith(KEY_SUBPROTOCOL_PREFIX)]
    return f"Bearer {keys[0].removeprefix(KEY_SUBPROTOCOL_PREFIX)}" if keys else None
