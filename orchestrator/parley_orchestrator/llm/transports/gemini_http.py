"""The HTTP client that Google's SDK is given.

Given none, the SDK uses aiohttp where that is installed: it then sleeps for one to ten seconds
after a failed connection, bounds the whole answer where it says timeout, and tells Gemini that
bound, which Gemini refuses under ten seconds. Given a client, it passes a timeout of None.
"""

from collections.abc import AsyncIterator
from contextvars import ContextVar

import httpx2

from parley_orchestrator.llm.tls import tls_context

_KEEP_ALIVE_S = 110.0
# Fields of server-sent events that the SDK takes for JSON.
_NOT_FOR_THE_SDK = (b":", b"event:", b"id:", b"retry:")

responses: ContextVar[list[httpx2.Response]] = ContextVar("responses")
"""Where the responses to the current request are put, so that whoever asks can close them: the
SDK leaves that to the garbage collector when a stream is not read to its end."""


def gemini_client(connect_timeout_s: float) -> httpx2.AsyncClient:
    async def on_request(request: httpx2.Request) -> None:
        request.extensions["timeout"] = httpx2.Timeout(None, connect=connect_timeout_s).as_dict()

    async def on_response(response: httpx2.Response) -> None:
        responses.get([]).append(response)
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = _DataLines(response.stream)

    return httpx2.AsyncClient(
        verify=tls_context(),
        headers={"accept-encoding": "identity"},
        limits=httpx2.Limits(max_connections=None, keepalive_expiry=_KEEP_ALIVE_S),
        event_hooks={"request": [on_request], "response": [on_response]},
    )


class _DataLines(httpx2.AsyncByteStream):
    """Server-sent events as far as the SDK understands them."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        rest = b""
        async for chunk in self._stream:
            *lines, rest = (rest + chunk).split(b"\n")
            if data := b"".join(_for_the_sdk(line) for line in lines):
                yield data
        if rest:
            yield rest

    async def aclose(self) -> None:
        await self._stream.aclose()


def _for_the_sdk(line: bytes) -> bytes:
    if line.startswith(_NOT_FOR_THE_SDK):
        return b""
    if line.startswith(b"data:") and not line.startswith(b"data: "):
        line = b"data: " + line.removeprefix(b"data:")
    return line + b"\n"
