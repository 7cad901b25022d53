"""A request of each kind that the stack serves, each long enough to be in flight for a while.

Who asks learns one of three things: it was served (the call returns), it was told that nothing was
begun and may ask again (`Refused`), or anything else, which is a lost request: a connection that
breaks, an answer that ends early, an error that is not a refusal. Each request has a connection of
its own: what is lost is then the stack's doing, not that of a connection that was kept too long.
"""

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from parley.bench.compose_sockets import chat, dictate, narrate
from parley.bench.compose_told import Answered, Refused

_TIMEOUT_S = 60.0
_QUESTION = "How long does the flu last?"
_SENTENCE = "Please speak a little more slowly, I did not understand what you said. "
_SENTENCES = 3
_UPLOAD_PIECES = 8
_UPLOAD_PAUSE_S = 0.1

Ask = Callable[[Answered], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request."""

    name: str
    service: str
    """Whose it is."""
    needs: frozenset[str]
    """Which others, beside the gateway, must be there to serve it."""
    ask: Ask
    paced: bool = False
    """Whether it is its caller who takes the time, so that it says little of the service's."""

    def passes(self, service: str) -> bool:
        return service in {"gateway", self.service, *self.needs}


@asynccontextmanager
async def kinds(url: str, key: str, speech: bytes) -> AsyncIterator[list[Kind]]:
    """
    Args:
        url: the gateway's.
        speech: a WAV file with a sentence.
    """
    # None is kept alive.
    limits = httpx2.Limits(max_keepalive_connections=0)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(
        limits=limits, timeout=_TIMEOUT_S, trust_env=False, headers=headers, base_url=url
    ) as client:
        yield [*_over_http(client, speech), *_over_sockets(url, headers, speech)]


def _over_http(client: httpx2.AsyncClient, speech: bytes) -> list[Kind]:
    async def transcribe(answered: Answered) -> None:
        await _post(client, "/stt/v1/audio/transcriptions", answered, files=_form(speech))

    async def upload(answered: Answered) -> None:
        await _post(client, "/stt/v1/audio/transcriptions", answered, **_slow_form(speech))

    async def speak(answered: Answered) -> None:
        text = _SENTENCE * _SENTENCES
        body = {"model": "tts-1", "voice": "alloy", "input": text, "response_format": "pcm"}
        await _post(client, "/tts/v1/audio/speech", answered, json=body)

    async def think(answered: Answered) -> None:
        messages = [{"role": "user", "content": _QUESTION}]
        body = {"model": "qwen2-5-7b-instruct", "messages": messages, "stream": True}
        answer = await _post(client, "/llm/v1/chat/completions", answered, json=body)
        if not answer.rstrip().endswith(b"data: [DONE]"):
            raise ValueError(f"the stream ends with {answer[-80:]!r}")

    return [
        _kind("transcription", "stt", transcribe),
        Kind("stt upload", "stt", frozenset(), upload, paced=True),
        _kind("speech", "tts", speak),
        _kind("completion", "llm", think),
    ]


def _over_sockets(url: str, headers: Mapping[str, str], speech: bytes) -> list[Kind]:
    base = url.replace("http", "ws", 1)
    pcm, rate = _samples(speech)

    async def dictation(answered: Answered) -> None:
        await dictate(f"{base}/stt/v1/realtime?intent=transcription", headers, pcm, rate, answered)

    async def narration(answered: Answered) -> None:
        await narrate(f"{base}/tts/v1/audio/speech/stream", headers, _SENTENCE, answered)

    async def conversation(answered: Answered) -> None:
        await chat(f"{base}/ws-llm/ws", headers, _QUESTION, answered)

    return [
        _kind("realtime socket", "stt", dictation),
        _kind("speech socket", "tts", narration),
        _kind("chat", "ws-llm", conversation, "llm"),
    ]


def _kind(name: str, service: str, ask: Ask, *needs: str) -> Kind:
    return Kind(f"{service} {name}", service, frozenset(needs), ask)


async def _post(client: httpx2.AsyncClient, path: str, answered: Answered, **content: Any) -> bytes:
    """The whole of a streamed answer."""
    try:
        request = client.build_request("POST", path, **content)
        response = await client.send(request, stream=True)
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as exc:
        raise Refused(f"{type(exc).__name__} {exc}") from exc
    try:
        if response.status_code != 200:
            await response.aread()
            _refuse(response)
        answered()
        return b"".join([piece async for piece in response.aiter_raw()])
    finally:
        await response.aclose()


def _refuse(response: httpx2.Response) -> None:
    """
    Raises:
        Refused: a 503 that says when to come again.
        ValueError: anything else.
    """
    if response.status_code == 503 and "retry-after" in response.headers:
        raise Refused(response.json()["error"]["message"])
    raise ValueError(f"{response.status_code} {response.text[:200]}")


def _form(speech: bytes) -> dict[str, Any]:
    return {"file": ("a.wav", speech), "model": (None, "whisper-1")}


def _slow_form(speech: bytes) -> dict[str, Any]:
    """A form that is sent in pieces, as by a caller on a slow line."""
    encoded = httpx2.Request("POST", "http://form", files=_form(speech))
    body = encoded.read()
    size = -(-len(body) // _UPLOAD_PIECES)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]
            await asyncio.sleep(_UPLOAD_PAUSE_S)

    length = {"content-length": str(len(body)), "content-type": encoded.headers["content-type"]}
    return {"content": pieces(), "headers": length}


def _samples(speech: bytes) -> tuple[bytes, int]:
    """16-bit PCM and its rate."""
    with wave.open(io.BytesIO(speech)) as recording:
        return recording.readframes(recording.getnframes()), recording.getframerate()
