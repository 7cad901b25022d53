"""Any server with OpenAI's API as the engine: bytes go to it and come from it.

The client is httpcore2, the transport inside httpx2: a relay has no use for redirects, cookies and
decoding, and what httpx2 adds to the first token is as much as the rest of the way.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore2

from parley_kit.errors import SettingsError, UpstreamFailed
from parley_llm.engines.transport import Backend
from parley_llm.settings import LlmSettings

log = logging.getLogger("parley.upstream")

MAX_REPLY_BYTES = 16 << 20
"""Bytes of a reply that is not streamed."""
_PROBE_TIMEOUT_S = 5.0
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.1, 5.0
# Servers close idle connections after 5 s or more; a request on one that is being closed fails.
_KEEP_ALIVE_S = 3.0

Headers = Sequence[tuple[bytes, bytes]]


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
                raise UpstreamFailed("The model's server sent too long an answer.")
        return bytes(body)


class Upstream:
    """The server behind this one; it has started when it has listed its models."""

    def __init__(self, settings: LlmSettings) -> None:
        self._base = settings.upstream_url.rstrip("/")
        self._host = urlsplit(self._base).netloc.rpartition("@")[2]
        self._key = settings.upstream_api_key.get_secret_value()
        self._connect_timeout_s = settings.connect_timeout_s
        self._first_byte_timeout_s = settings.first_byte_timeout_s
        self._stall_timeout_s = settings.stall_timeout_s
        self._max_connections = settings.max_concurrency + 2
        self._pool: httpcore2.AsyncConnectionPool | None = None
        self._state = "starting"

    async def start(self) -> None:
        """Connect, and try until the upstream answers: it may be starting at the same time.

        Raises:
            SettingsError: it refuses our key.
        """
        context = await asyncio.to_thread(ssl.create_default_context)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=self._max_connections,
            max_keepalive_connections=self._max_connections,
            keepalive_expiry=_KEEP_ALIVE_S,
            network_backend=Backend(),
        )
        pause_s = _FIRST_PAUSE_S
        while not await self._answers():
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)
        self._state = "ready"

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    def status(self) -> Mapping[str, object]:
        url = urlsplit(self._base)
        return {
            "engine": "proxy",
            "upstream": f"{url.scheme}://{self._host}{url.path}",
            "upstream_state": self._state,
        }

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, headers: Headers = (), body: bytes = b""
    ) -> AsyncIterator[Reply]:
        """Send a request, once; leaving the context ends the upstream's work on it.

        Args:
            path: below the upstream's base URL, as in `/models`.

        Raises:
            UpstreamFailed: there is no answer.
        """
        assert self._pool is not None, "the engine has been started"
        timeouts = {
            "connect": self._connect_timeout_s,
            "read": self._first_byte_timeout_s,
            "write": self._connect_timeout_s,
            "pool": self._connect_timeout_s,
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
        timeouts["read"] = self._stall_timeout_s
        try:
            told = [(name.lower(), value) for name, value in response.headers]
            yield Reply(response.status, told, _pieces(response))
        finally:
            await response.aclose()

    async def models(self) -> list[dict[str, Any]]:
        """What the upstream serves, as it describes it.

        Raises:
            UpstreamFailed: it does not say.
        """
        async with self.ask("GET", "/models") as reply:
            body = await reply.read(MAX_REPLY_BYTES)
        try:
            models = json.loads(body)["data"]
        except (ValueError, KeyError, TypeError) as exc:
            raise UpstreamFailed("The model's server does not list its models.") from exc
        return [model for model in models if isinstance(model, dict)]

    def _complete(self, headers: Headers, body: bytes) -> list[tuple[bytes, bytes]]:
        complete = [
            (b"host", self._host.encode("latin-1")),
            # The bytes go on as they are, to a caller who may not read what is compressed.
            (b"accept-encoding", b"identity"),
            *headers,
        ]
        if self._key:
            complete.append((b"authorization", f"Bearer {self._key}".encode("latin-1")))
        if body:
            complete.append((b"content-length", b"%d" % len(body)))
        return complete

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_S), self.ask("GET", "/models") as reply:
                status = reply.status
        except (UpstreamFailed, TimeoutError):
            self._note("unreachable")
            return False
        if status in (401, 403):
            raise SettingsError("The upstream refuses the key in LLM_UPSTREAM_API_KEY.")
        if status >= 500:
            self._note(f"answers {status}")
        return status < 500

    def _note(self, state: str) -> None:
        if state != self._state:
            log.warning("the upstream is not ready: %s", state)
            self._state = state


async def _pieces(response: httpcore2.Response) -> AsyncIterator[bytes]:
    with _mapped():
        async for piece in response.aiter_stream():
            yield piece


@contextmanager
def _mapped() -> Iterator[None]:
    """What the client raises, as what a caller is told; the log has the rest."""
    try:
        yield
    except httpcore2.TimeoutException as exc:
        log.warning("the upstream timed out", extra={"data": {"fault": type(exc).__name__}})
        raise UpstreamFailed("The model's server did not answer in time.") from exc
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError) as exc:
        log.warning("the upstream failed", extra={"data": {"fault": type(exc).__name__}})
        raise UpstreamFailed("The model's server cannot be reached or broke off.") from exc
