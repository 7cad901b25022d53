"""A cheap real call of each service: is it ready, does it take our key, does it do its work."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parley.client import wav
from parley.doctor.findings import Line, failure, ok, warning
from parley.doctor.http import (
    Nonsense,
    NoReply,
    Refused,
    Reply,
    UnknownHost,
    Untrusted,
    request,
)
from parley.doctor.speech import Speech

SPOKEN = "Good morning. The clinic opens at eight."
_READY_S = 5.0
_CALL_S = 20.0


@dataclass(frozen=True, slots=True)
class Target:
    """One service of a stack.

    Args:
        url: its API's root, which ends in `/v1`.
        base: of the stack, as it may be printed.
        if_refused: what to say when nothing listens there: that depends on who said it would.
    """

    name: str
    url: str
    base: str
    key: str
    model: str
    if_refused: Line

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

    @property
    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.key}"} if self.key else {}


Call = Callable[[Target], Awaitable[Line]]


async def check_service(target: Target, call: Call) -> Sequence[Line]:
    """Look whether it is ready, then call it."""
    started = time.perf_counter()
    try:
        ready = await request(
            "GET", f"{target.root}/readyz", headers=target.headers, deadline_s=_READY_S
        )
        line = judge_readiness(target, ready) or await call(target)
    except NoReply as exc:
        line = explain(target, exc)
    took_ms = (time.perf_counter() - started) * 1000
    return [_timed(line, took_ms) if line.verdict == "ok" else line]


def judge_readiness(target: Target, ready: Reply) -> Line | None:
    """None if it is ready.

    Raises:
        Nonsense: this is no service of ours.
    """
    if ready.status == 200 and ready.json().get("status") == "ready":
        return None
    if ready.status == 503:
        return warning(
            f"{ready.message or 'It is not ready.'}{_progress(ready)}",
            f"Wait, then run this again; `docker compose logs -f {target.name}` tells more.",
        )
    if ready.status in (502, 504):
        return failure(
            f"the gateway cannot reach {target.name} ({ready.status})",
            f"`docker compose ps {target.name}` and its logs tell why.",
        )
    raise Nonsense(f"answered /readyz with {ready.status}")


def explain(target: Target, exc: NoReply) -> Line:
    """What to do when there was no answer, or none of ours."""
    where = target.base
    if isinstance(exc, Refused):
        return target.if_refused
    if isinstance(exc, UnknownHost):
        return failure(f"{where}: {exc}", "Correct the address, or the DNS of this machine.")
    if isinstance(exc, Untrusted):
        return failure(
            f"{where}: {exc}",
            "Name the authority that signed its certificate in SSL_CERT_FILE, or correct "
            "http:// or https://.",
        )
    if isinstance(exc, Nonsense):
        return failure(
            f"{where} {exc}",
            "Is this the base of a Parley stack? `--url` and OPENAI_BASE_URL name one.",
        )
    return failure(
        f"{where}: {exc}",
        f"`docker compose ps` and `docker compose logs {target.name}` tell more.",
    )


def _progress(ready: Reply) -> str:
    """How far a download is, where one is under way."""
    download = ready.json().get("download")
    if not isinstance(download, dict):
        return ""
    done, total = download.get("done_mb"), download.get("total_mb")
    if not isinstance(done, int | float) or not isinstance(total, int | float):
        return ""
    return f" It has downloaded {done:.0f} of {total:.0f} MB."


def judge_refusal(target: Target, reply: Reply) -> Line | None:
    """None for a good answer."""
    if 200 <= reply.status < 300:
        return None
    said = f": {reply.message}" if reply.message else ""
    if reply.status in (401, 403):
        return failure(
            f"the key was refused ({reply.status})",
            "Make OPENAI_API_KEY one of API_KEYS; after a change run `docker compose up -d`.",
        )
    if reply.status in (429, 503):
        return warning(f"answered {reply.status}{said}", "It is busy: try again.")
    return failure(
        f"answered {reply.status}{said}",
        f"`docker compose logs {target.name}` tells more.",
    )


async def call_tts(target: Target, voice: str, speech: Speech) -> Line:
    """Have a sentence spoken, which STT may hear then."""
    body = {"model": target.model, "voice": voice, "input": SPOKEN, "response_format": "pcm"}
    reply = await _post(target, "/audio/speech", json=body)
    refused = judge_refusal(target, reply)
    if refused:
        return refused
    if len(reply.body) < 2 or len(reply.body) % 2:
        raise Nonsense("answered with something that is no PCM audio")
    speech.tell(reply.body)
    return ok("spoke a sentence")


async def call_stt(target: Target, speech: Speech) -> Line:
    """Have it hear what TTS said, or a tone where that says nothing."""
    pcm, is_speech = await speech.heard()
    reply = await _post(
        target,
        "/audio/transcriptions",
        files={"file": ("doctor.wav", wav(pcm), "audio/wav")},
        data={"model": target.model},
    )
    refused = judge_refusal(target, reply)
    if refused:
        return refused
    text = reply.json().get("text")
    if not isinstance(text, str):
        raise Nonsense("answered without a transcript")
    if is_speech and not text.strip():
        return warning(
            "heard nothing in a sentence that TTS spoke",
            "Try `parley call` with a recording; STT_MODEL may be for another language.",
        )
    return ok(f"heard {'a sentence' if is_speech else 'a tone'}")


async def call_llm(target: Target) -> Line:
    """Ask for one token."""
    messages = [{"role": "user", "content": "Hello"}]
    body = {"model": target.model, "messages": messages, "max_tokens": 1}
    reply = await _post(target, "/chat/completions", json=body)
    refused = judge_refusal(target, reply)
    if refused:
        return refused
    match reply.json().get("choices"):
        case [{"message": _}, *_]:
            pass
        case _:
            raise Nonsense("answered without a message")
    return ok("answered")


async def _post(target: Target, path: str, **content: Any) -> Reply:
    return await request(
        "POST", f"{target.url}{path}", headers=target.headers, deadline_s=_CALL_S, **content
    )


def _timed(line: Line, took_ms: float) -> Line:
    return Line(line.verdict, f"{line.found}, {took_ms:.0f} ms", line.todo)
