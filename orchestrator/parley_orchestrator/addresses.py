"""URLs in settings: checked when they are read, so that a typing error is no failed call later."""

from collections.abc import Collection
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def checked_url(value: str, schemes: Collection[str]) -> str:
    """The URL as it is; nothing for nothing.

    Raises:
        ValueError: it is no URL of one of the schemes.
    """
    if value and not _is_url(value, schemes):
        raise ValueError(
            f"this is no URL; write one like {'://host or '.join(schemes)}://host, with a port or "
            "a path where there is one"
        )
    return value


def _is_url(value: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(value)
        # Reading the port is what checks it.
        named = parts.port is None or parts.port > 0
    except ValueError:
        return False
    bare = not (parts.query or parts.fragment or parts.username or parts.password)
    return named and bare and parts.scheme in schemes and bool(parts.hostname) and " " not in value


HttpUrl = Annotated[str, AfterValidator(partial(checked_url, schemes=("http", "https")))]
ServerUrl = Annotated[
    str, AfterValidator(partial(checked_url, schemes=("wss", "ws", "https", "http")))
]
"""Of a server that is reached over WebSockets: LiveKit, Realtime, ws-llm."""
