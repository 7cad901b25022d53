"""A client for the server behind a service: bytes go to it and come from it.

It is httpcore2, the transport inside httpx2: a relay has no use for redirects, cookies and
decoding, and what httpx2 adds to a first token is as much as the rest of the way. Services that
use it depend on httpcore2; the kit does not.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpcore2

from parley_kit.errors import UpstreamFailed
from parley_kit.upstream_streams import Backend

log = logging.getLogger("parley.upstream")

TIMED_OUT, UNREACHABLE = "upstream_timeout", "upstream_unreachable"
"""Codes of `UpstreamFailed`; the second is also that of an answer that breaks off."""
_BROKEN = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError)
# Servers close idle connections after 5 s or more; a request on one that is being closed fails.
_KEEP_ALIVE_S = 3.0

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds until a connection, until an answer begins, and until its next bytes."""

    connect_s: float
    first_byte_s: float
    stall_s: float


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of the upstream's answer, and its body as it comes."""

    status: int
    headers: Headers
    """Names in lower case."""
    chunks: AsyncIterator[bytes]

    @property
    def by_name(self) -> Mapping[str, str]:
        """The headers; of several with a name, the last."""
        return {n.decode("latin-1"): v.decode("latin-1") for n, v in self.headers}

    @property
    def media_type(self) -> bytes:
        """The content type without its parameters."""
        given = next((value for name, value in self.headers if name == b"content-type"), b"")
        return given.partition(b";")[0].strip().lower()

    async def read(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            UpstreamFailed: it broke off, or is longer than `limit` bytes.
        """
        body = bytearray()
        async for chunk in self.chunks:
            body += chunk
            if len(body) > limit:
                raise UpstreamFailed("The upstream server sent too long an answer.")
        return bytes(body)


class Upstream:
    """Connections to one server, opened as they are needed and kept for a while."""

    def __init__(
        self, base_url: str, key: Callable[[], str], timeouts: Timeouts, max_connections: int
    ) -> None:
        """
        Args:
            base_url: what paths are added to; a name and password in it are not sent.
            key: asked for each request, and sent as a bearer token; empty for none.
        """
        self._base = base_url.rstrip("/")
        self._host = urlsplit(self._base).netloc.rpartition("@")[2]
        self._key = key
        self._timeouts = timeouts
        self._max_connections = max_connections
        self._pool: httpcore2.AsyncConnectionPool | None = None

    @property
    def address(self) -> str:
        """The base URL as it may be shown."""
        url = urlsplit(self._base)
        return f"{url.scheme}://{self._host}{url.path}"

    async def open(self) -> None:
        """Get ready; connections are made by the first requests."""
        context = await asyncio.to_thread(ssl.create_default_context)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=self._max_connections,
            max_keepalive_connections=self._max_connections,
            keepalive_expiry=_KEEP_ALIVE_S,
            network_backend=Backend(),
        )

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, headers: Headers = (), body: bytes = b""
    ) -> AsyncIterator[Reply]:
        """Send a request, once; leaving the context ends the upstream's work on it.

        Args:
            path: below the base URL, as in `/models`.

        Raises:
            UpstreamFailed: there is no answer.
        """
        assert self._pool is not None, "it has been opened"
        timeouts = {
            "connect": self._timeouts.connect_s,
            "read": self._timeouts.first_byte_s,
            "write": self._timeouts.connect_s,
            "pool": self._timeouts.connect_s,
        }
        request = httpcore2.Request(
            method,
            f"{self._base}{path}",
            headers=self._complete(headers, body),
            content=body or None,
            extensions={"timeout": timeouts},
        )
        with _mapped():
            response = await self._pool.handle_async_request(request)
        # The client reads this again where the body begins.
        timeouts["read"] = self._timeouts.stall_s
        try:
            told = [(name.lower(), value) for name, value in response.headers]
            yield Reply(response.status, told, _pieces(response))
        finally:
            await response.aclose()

    def _complete(self, headers: Headers, body: bytes) -> list[tuple[bytes, bytes]]:
        complete = [
            (b"host", self._host.encode("latin-1")),
            # The bytes go on as they are, and a compressed stream would arrive in lumps.
            (b"accept-encoding", b"identity"),
            *headers,
        ]
        if key := self._key():
            complete.append((b"authorization", f"Bearer {key}".encode("latin-1")))
        if body:
            complete.append((b"content-length", b"%d" % len(body)))
        return complete


async def _pieces(response: httpcore2.Response) -> AsyncIterator[bytes]:
    with _mapped():
        async for piece in response.aiter_stream():
            yield piece


@contextmanager
def _mapped() -> Iterator[None]:
    """What the client raises, as what a caller is told; the log has the rest."""
    try:
        yield
    except (httpcore2.ConnectTimeout, *_BROKEN) as exc:
        log.warning("the upstream failed", extra={"data": {"fault": type(exc).__name__}})
        message = "The upstream server cannot be reached or broke off."
        raise UpstreamFailed(message, code=UNREACHABLE) from exc
    except httpcore2.TimeoutException as exc:
        log.warning("the upstream timed out", extra={"data": {"fault": type(exc).__name__}})
        message = "The upstream server did not answer in time."
        raise UpstreamFailed(message, code=TIMED_OUT) from exc
