"""TLS for all clients of a process."""

import ssl
from functools import cache

import httpx2


@cache
def tls_context() -> ssl.SSLContext:
    """Made once: to read the roots takes tens of milliseconds, for each context anew."""
    return httpx2.create_ssl_context()
