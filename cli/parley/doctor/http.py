"""One request to a server that may be away, hang or talk nonsense: a reply, or why none."""

import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

_MAX_BYTES = 4 << 20
_CONNECT_S = 5.0


class NoReply(Exception):
    """There was no reply; the message says why, for a person."""


class Refused(NoReply):
    """Nothing listens there."""


class UnknownHost(NoReply):
    """The name has no address."""


class Untrusted(NoReply):
    """Its certificate is not one that this machine trusts, or it does not speak TLS."""


class Hung(NoReply):
    """It did not answer in time."""


class Broken(NoReply):
    """The connection failed, or what came is no HTTP."""


class Nonsense(NoReply):
    """It answered with something else than the API would."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """
        Raises:
            Nonsense: the body is no JSON object.
        """
        try:
            told = json.loads(self.body)
        except ValueError as exc:
            raise Nonsense("answered with something that is no JSON") from exc
        if not isinstance(told, dict):
            raise Nonsense("answered with JSON of another shape")
        return told

    @property
    def message(self) -> str:
        """What the error in the body says, at most a line; empty where there is none."""
        try:
            error = self.json().get("error")
        except Nonsense:
            return ""
        told = error.get("message") if isinstance(error, dict) else None
        return " ".join(told.split())[:200] if isinstance(told, str) else ""


async def request(
    method: str, url: str, *, headers: Mapping[str, str], deadline_s: float, **content: Any
) -> Reply:
    """Ask once; follows no redirect and reads no more than 4 MiB.

    Raises:
        NoReply: a subclass says why.
    """
    timeout = httpx2.Timeout(deadline_s, connect=min(_CONNECT_S, deadline_s))
    try:
        async with (
            httpx2.AsyncClient(timeout=timeout, trust_env=True) as client,
            client.stream(method, url, headers=dict(headers), **content) as response,
        ):
            return Reply(response.status_code, await _read(response))
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
        raise no_reply(exc, deadline_s) from exc


async def _read(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise Nonsense("answered with more than 4 MiB")
    return bytes(body)


def no_reply(exc: BaseException, deadline_s: float) -> NoReply:
    """The reason in an exception of the client's or in one that caused it."""
    causes = list(_causes(exc))
    if any(isinstance(cause, httpx2.TimeoutException | TimeoutError) for cause in causes):
        return Hung(f"did not answer within {deadline_s:g} s")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return UnknownHost("its name has no address here")
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Untrusted("its certificate is not trusted by this machine")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Untrusted("it does not speak TLS as this machine does")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Refused("nothing listens there")
    return Broken("the connection failed before an answer came")


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        if isinstance(exc, BaseExceptionGroup):
            for inner in exc.exceptions:
                yield from _causes(inner)
        exc = exc.__cause__ or exc.__context__


def shown(url: str) -> str:
    """A URL as it may be printed: without user, password, query and fragment."""
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
