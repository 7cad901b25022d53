"""Checks that call what answers: the services of each stack, Gemini, LiveKit."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from parley.doctor.assistant import call_ws_llm
from parley.doctor.contradictions import (
    LIVEKIT,
    calling_key,
    local_livekit,
    profiles_of,
)
from parley.doctor.environment import Environment
from parley.doctor.findings import Line, failure, skipped
from parley.doctor.gemini import check_gemini
from parley.doctor.http import shown
from parley.doctor.livekit import check_livekit
from parley.doctor.probes import Probes, known
from parley.doctor.running import Check
from parley.doctor.services import Target, call_llm, call_stt, call_tts, check_service
from parley.doctor.speech import Speech
from parley_kit.urls import service_url

BEYOND = "Beyond the stack"
_DEADLINE_S = 60.0
_OWN_LIVEKIT = ("", "livekit")
_INSIDE = ("gateway", "stt", "tts", "llm", "ws-llm", "livekit")
"""Names that mean something between containers only."""
_OWN_BASES = {
    "stt": "STT_BASE_URL",
    "tts": "TTS_BASE_URL",
    "llm": "LLM_BASE_URL",
    "ws-llm": "WS_LLM_URL",
}


@dataclass(frozen=True, slots=True)
class Base:
    """A stack to call.

    Args:
        own: bases of services that are elsewhere.
        is_named: whether somebody said that it is there, so that it has to be.
    """

    url: str
    own: Mapping[str, str]
    is_named: bool


def bases(urls: Sequence[str], values: Mapping[str, str]) -> Sequence[Base]:
    """The stacks to call: those on the command line, else the one of the settings."""
    if urls:
        return [Base(url.rstrip("/"), {}, is_named=True) for url in urls]
    own = {
        service: values[name]
        for service, name in _OWN_BASES.items()
        if name in values and _host(values[name]) not in _INSIDE
    }
    if _host(values.get("OPENAI_BASE_URL", "")) not in ("", *_INSIDE):
        return [Base(values["OPENAI_BASE_URL"].rstrip("/"), own, is_named=True)]
    return [Base(gateway_url(values), own, is_named=False)]


def gateway_url(values: Mapping[str, str]) -> str:
    """Where this machine publishes the gateway."""
    address = values.get("GATEWAY_ADDRESS", "0.0.0.0")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address, address)
    if "GATEWAY_CERTS" in values:
        return f"https://{host}:{values.get('GATEWAY_TLS_PORT', '8443')}"
    return f"http://{host}:{values.get('GATEWAY_PORT', '8000')}"


def call_checks(environment: Environment, probes: Probes, stacks: Sequence[Base]) -> list[Check]:
    """The services of each stack, then what is beyond them."""
    values = environment.secrets
    checks = [check for base in stacks for check in _stack_checks(base, values, probes)]
    return [
        *checks,
        Check(BEYOND, "Gemini", lambda: _gemini(values), deadline_s=_DEADLINE_S),
        Check(BEYOND, "LiveKit", lambda: _livekit(values), deadline_s=_DEADLINE_S),
    ]


def _stack_checks(base: Base, values: Mapping[str, str], probes: Probes) -> list[Check]:
    speech = Speech()
    voice = values.get("OPENAI_TTS_VOICE", "alloy")
    calls: Mapping[str, Callable[[Target], Awaitable[Line]]] = {
        "stt": lambda target: call_stt(target, speech),
        "tts": lambda target: call_tts(target, voice, speech),
        "llm": call_llm,
        "ws-llm": call_ws_llm,
    }

    async def look(service: str) -> Sequence[Line]:
        try:
            if service == "stt":
                await speech.heard()  # how long TTS took is not its time
            target = _target(service, base, values, await _if_refused(base, probes))
            return await check_service(target, calls[service])
        finally:
            if service == "tts":
                speech.end()

    return [_check(base, service, look) for service in calls]


def _check(base: Base, service: str, look: Callable[[str], Awaitable[Sequence[Line]]]) -> Check:
    return Check(
        f"Services at {shown(base.url)}",
        service,
        lambda: look(service),
        deadline_s=_DEADLINE_S,
        on_timeout=f"`docker compose logs {service}` tells more.",
    )


def _target(service: str, base: Base, values: Mapping[str, str], if_refused: Line) -> Target:
    models = {
        "stt": values.get("OPENAI_STT_MODEL", "whisper-1"),
        "tts": values.get("OPENAI_TTS_MODEL", "tts-1"),
        "llm": values.get("OPENAI_LLM_MODEL", "qwen2-5-7b-instruct"),
    }
    url = service_url(base.own.get(service, base.url), service)
    if service == "ws-llm" and service in base.own:
        url = f"{base.own[service].rstrip('/')}/v1"  # this one's URL is its root
    # As the orchestrator: whoever is at LLM_BASE_URL is not told the stack's own keys.
    is_elsewhere = service == "llm" and service in base.own
    key = values.get("OPENAI_API_KEY", "") if is_elsewhere else calling_key(values)
    base_url = shown(base.own.get(service, base.url))
    return Target(service, url, base_url, key, models.get(service, ""), if_refused)


async def _if_refused(base: Base, probes: Probes) -> Line:
    """A stack that nobody says is up may be down."""
    there = None if base.is_named else await known(probes.containers)
    if base.is_named or any(each.state == "running" for each in there or ()):
        return failure(
            f"nothing listens at {shown(base.url)}",
            "Start the stack (`docker compose up -d` or `make up`), or correct the address.",
        )
    return skipped(
        f"nothing listens at {shown(base.url)} yet",
        "`docker compose up -d` or `make up` starts it.",
    )


async def _gemini(values: Mapping[str, str]) -> Sequence[Line]:
    chain = values.get("LLM_CHAIN", "gemini,qwen").split(",")
    if "gemini" not in [name.strip() for name in chain]:
        return [skipped("gemini is not in LLM_CHAIN")]
    if "GEMINI_API_KEY" not in values:
        return [skipped("GEMINI_API_KEY is not set")]
    return [
        await check_gemini(
            values.get("GOOGLE_GEMINI_BASE_URL", ""),
            values["GEMINI_API_KEY"],
            values.get("GEMINI_MODEL", "gemini-2.5-flash"),
        )
    ]


async def _livekit(values: Mapping[str, str]) -> Sequence[Line]:
    if "livekit" in profiles_of(values) and _host(values.get("LIVEKIT_URL", "")) in _OWN_LIVEKIT:
        url, pair = local_livekit(values)
        return [await check_livekit(url, *pair, time.time())]
    missing = [name for name in LIVEKIT if name not in values]
    if missing:
        return [skipped(f"{' and '.join(missing)} not set")]
    url, key, secret = (values[name] for name in LIVEKIT)
    return [await check_livekit(url, key, secret, time.time())]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
