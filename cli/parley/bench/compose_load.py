"""Callers of every service, all the time, and what became of each of their requests.

Each request has a connection of its own: what is lost is then the stack's doing, not that of a
connection that was kept too long.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

_PAUSE_S = 0.2
_TIMEOUT_S = 30.0
_QUESTION = "How long does the flu last?"
_CHAT = json.dumps({"type": "chat", "messages": [{"role": "user", "content": _QUESTION}]})
_SENTENCE = "Please speak a little more slowly, I did not understand."


class Outcome(StrEnum):
    SERVED = "served"
    REFUSED = "refused"
    """Nothing was begun, and the caller was told so: it may ask again."""
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request; times are those of `time.monotonic`."""

    sent: float
    ended: float
    outcome: Outcome
    said: str


class Refused(Exception):
    """Nothing of an answer had come."""


Ask = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Load:
    """What callers of each service met with so far."""

    attempts: Mapping[str, list[Attempt]] = field(default_factory=dict)

    def broken(self) -> list[str]:
        """Requests that ended badly, of all services."""
        return [
            f"{service}: {one.said}"
            for service, attempts in self.attempts.items()
            for one in attempts
            if one.outcome is Outcome.BROKEN
        ]

    def lost(self, service: str, stopped: float) -> list[str]:
        """Requests to a service that were in flight when it was stopped, and did not succeed."""
        return [
            one.said
            for one in self.attempts[service]
            if one.sent < stopped < one.ended and one.outcome is not Outcome.SERVED
        ]

    def away_s(self, service: str, stopped: float) -> float | None:
        """Seconds from the stop until a new request was served again; None: not yet.

        0 where none was refused.
        """
        after = [one for one in self.attempts[service] if one.sent >= stopped]
        refused = [one.sent for one in after if one.outcome is not Outcome.SERVED]
        if not refused:
            return 0.0 if after else None
        served = [one.ended for one in after if one.sent > refused[-1]]
        return min(served) - stopped if served else None


@asynccontextmanager
async def load(url: str, key: str, speech: bytes, callers: int) -> AsyncIterator[Load]:
    """`callers` of each service, until the context is left; what they began they see to its end.

    Args:
        speech: a WAV file with a sentence.
    """
    # None is kept alive.
    limits = httpx2.Limits(max_keepalive_connections=0)
    async with httpx2.AsyncClient(limits=limits, timeout=_TIMEOUT_S, trust_env=False) as client:
        asks = _asks(client, url, key, speech)
        running = Load({service: [] for service in asks})
        leaving = asyncio.Event()
        tasks = [
            asyncio.create_task(_call(ask, running.attempts[service], leaving))
            for service, ask in asks.items()
            for _ in range(callers)
        ]
        try:
            yield running
        finally:
            leaving.set()
            await asyncio.gather(*tasks)


async def _call(ask: Ask, attempts: list[Attempt], leaving: asyncio.Event) -> None:
    while not leaving.is_set():
        attempts.append(await _attempt(ask))
        await asyncio.sleep(_PAUSE_S)


async def _attempt(ask: Ask) -> Attempt:
    sent = time.monotonic()
    outcome, said = Outcome.SERVED, ""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await ask()
    except Refused as exc:
        outcome, said = Outcome.REFUSED, str(exc)
    except Exception as exc:  # noqa: BLE001  whatever it is, the caller has lost a request
        outcome, said = Outcome.BROKEN, f"{type(exc).__name__} {exc}"
    return Attempt(sent, time.monotonic(), outcome, said)


def _asks(client: httpx2.AsyncClient, url: str, key: str, speech: bytes) -> Mapping[str, Ask]:
    headers = {"authorization": f"Bearer {key}"}

    async def hear() -> None:
        files = {"file": ("question.wav", speech)}
        body = {"model": (None, "whisper-1")}
        await _post(client, f"{url}/stt/v1/audio/transcriptions", headers, files={**files, **body})

    async def speak() -> None:
        body = {"model": "tts-1", "voice": "alloy", "input": _SENTENCE, "response_format": "pcm"}
        await _post(client, f"{url}/tts/v1/audio/speech", headers, json=body)

    async def think() -> None:
        messages = [{"role": "user", "content": _QUESTION}]
        body = {"model": "qwen2-5-7b-instruct", "messages": messages, "stream": True}
        answer = await _post(client, f"{url}/llm/v1/chat/completions", headers, json=body)
        if not answer.rstrip().endswith(b"data: [DONE]"):
            raise ValueError(f"the stream ends with {answer[-80:]!r}")

    async def chat() -> None:
        await _chat(url.replace("http", "ws", 1), headers)

    async def page() -> None:
        """Of the gateway itself."""
        _check(await _sent(client.get(f"{url}/livez")))

    return {"stt": hear, "tts": speak, "llm": think, "ws-llm": chat, "gateway": page}


async def _post(
    client: httpx2.AsyncClient, url: str, headers: Mapping[str, str], **content: Any
) -> bytes:
    """The whole of a streamed answer."""
    request = client.build_request("POST", url, headers=dict(headers), **content)
    response = await _sent(client.send(request, stream=True))
    try:
        if response.status_code != 200:
            await response.aread()
            _check(response)
        return b"".join([piece async for piece in response.aiter_raw()])
    finally:
        await response.aclose()


async def _sent(sending: Awaitable[httpx2.Response]) -> httpx2.Response:
    try:
        return await sending
    except httpx2.TransportError as exc:
        raise Refused(f"{type(exc).__name__} {exc}") from exc


def _check(response: httpx2.Response) -> None:
    if response.status_code == 503 and "retry-after" in response.headers:
        raise Refused(response.json()["error"]["message"])
    if response.status_code != 200:
        raise ValueError(f"{response.status_code} {response.text[:200]}")


async def _chat(url: str, headers: Mapping[str, str]) -> None:
    try:
        socket = await connect(f"{url}/ws-llm/ws", additional_headers=dict(headers), proxy=None)
    except (OSError, InvalidStatus, WebSocketException) as exc:
        raise Refused(f"{type(exc).__name__} {exc}") from exc
    begun = False
    async with socket:
        try:
            await socket.send(_CHAT)
            while True:
                reply = json.loads(await socket.recv())
                if reply["type"] == "complete":
                    return
                if reply["type"] == "error":
                    raise ValueError(reply["message"]) if begun else Refused(reply["message"])
                begun = True
        except ConnectionClosed as exc:
            if begun:
                raise
            raise Refused(str(exc)) from exc
