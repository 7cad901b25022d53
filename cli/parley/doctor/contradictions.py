"""Settings that are right alone and wrong together: what no single service can see.

Values are those of the `.env` with the shell's on top and the contents of secret files in their
places; empty ones are left out.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit

from parley.doctor.findings import Line, failure, warning
from parley_kit.auth import split_keys
from parley_llm.settings import LlmSettings
from parley_llm.vllm.cards import CARDS
from parley_ws_llm.settings import WsLlmSettings

Values = Mapping[str, str]

LIVEKIT = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
DEVELOPMENT_PAIR = ("devkey", "a-secret-for-development-only-0000")
"""Of the server of profile `livekit`, where none is set."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PERSONAS = "/personas/"
_PERSONA_TOKENS = 900
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


def keys_of(values: Values) -> tuple[str, ...]:
    """The keys that the services take, as `parley_kit.auth` reads them."""
    listed = values.get("API_KEYS", "")
    from_file = [
        line
        for each in values.get("API_KEYS_FILE", "").splitlines()
        if (line := each.strip()) and not line.startswith("#")
    ]
    if not listed and "API_KEYS_FILE" not in values:
        listed = values.get("OPENAI_API_KEY", "")
    return (*split_keys(listed), *from_file)


def calling_key(values: Values) -> str:
    """What ws-llm and the orchestrator call the services with, as `parley_kit.stack_key` has it."""
    given = split_keys(values.get("OPENAI_API_KEY", ""))
    return next(iter((*given, *keys_of(values))), "")


def profiles_of(values: Values) -> frozenset[str]:
    listed = values.get("COMPOSE_PROFILES", "").split(",")
    return frozenset(name for each in listed if (name := each.strip()))


def judge_keys(values: Values, shell: Values) -> Iterator[Line]:
    """Whether there is a key, and whether the services can call each other with it.

    Args:
        shell: what is exported, where some have a key of OpenAI's own.
    """
    keys, anonymous = keys_of(values), _is_true(values.get("ALLOW_ANONYMOUS", ""))
    if not keys:
        if not anonymous:
            yield failure(
                "no API key is set",
                "Set API_KEYS in .env (`openssl rand -hex 32` makes one), or ALLOW_ANONYMOUS=true "
                "to serve everybody who can connect.",
            )
        return
    if anonymous:
        yield warning(
            "ALLOW_ANONYMOUS=true changes nothing while there are keys", "Remove one of the two."
        )
    is_exported = bool(shell.get("OPENAI_API_KEY"))
    if calling_key(values) not in keys:
        where = "OPENAI_API_KEY, which this shell exports," if is_exported else "OPENAI_API_KEY"
        unset = "Run `unset OPENAI_API_KEY`: a value in .env does not win over it."
        yield failure(
            f"{where} is none of the keys that the services take, and they would call each other "
            "with it",
            unset if is_exported else "Remove it, or set it to one of API_KEYS.",
        )
    elif is_exported and not {"API_KEYS", "API_KEYS_FILE"} & values.keys():
        yield warning(
            "OPENAI_API_KEY, which this shell exports, becomes the key of this stack",
            "Run `unset OPENAI_API_KEY` and set API_KEYS in .env, unless you mean it.",
        )


def judge_livekit(values: Values) -> Iterator[Line]:
    """Whether calls can be taken, where they are to be."""
    profiles = profiles_of(values)
    if "livekit" in profiles:
        yield from _judge_local_livekit(values)
        if "LIVEKIT_URL" not in values:
            return
    missing = [name for name in LIVEKIT if name not in values]
    if "calls" in profiles and missing:
        yield failure(
            f"COMPOSE_PROFILES has calls, and {_listed(missing)} not set",
            f"Set {' and '.join(missing)} in .env, or COMPOSE_PROFILES=calls,livekit for a server "
            "of your own, or leave calls out of it.",
        )
    elif 0 < len(missing) < len(LIVEKIT):
        yield warning(
            f"LiveKit is half set: {_listed(missing)} not",
            f"Set {' and '.join(missing)} in .env, or none of the three.",
        )
    elif not missing and "calls" not in profiles:
        yield warning(
            "LiveKit is set, and the worker that takes calls is not started",
            "Set COMPOSE_PROFILES=calls in .env.",
        )


def _judge_local_livekit(values: Values) -> Iterator[Line]:
    address = values.get("LIVEKIT_ADDRESS", "127.0.0.1")
    if local_livekit(values)[1] == DEVELOPMENT_PAIR and address not in _LOOPBACK:
        yield failure(
            f"LiveKit is published on {address} with a secret that everybody can read in the "
            "repository: whoever has it may join every call",
            "Set LIVEKIT_API_KEY and LIVEKIT_API_SECRET (`openssl rand -hex 32`) in .env, or "
            "remove LIVEKIT_ADDRESS.",
        )
    if "calls" not in profiles_of(values):
        yield warning(
            "profile livekit runs a server, and the worker that takes calls is not started",
            "Set COMPOSE_PROFILES=calls,livekit in .env.",
        )
    elif "LIVEKIT_URL" in values:
        yield warning(
            "profile livekit runs a server that the worker does not use: LIVEKIT_URL is set",
            "Remove LIVEKIT_URL, or livekit from COMPOSE_PROFILES.",
        )


def local_livekit(values: Values) -> tuple[str, tuple[str, str]]:
    """Where this host publishes the server of profile `livekit`, and its pair of keys."""
    key, secret = DEVELOPMENT_PAIR
    address = values.get("LIVEKIT_ADDRESS", "127.0.0.1").replace("0.0.0.0", "127.0.0.1")
    pair = values.get("LIVEKIT_API_KEY", key), values.get("LIVEKIT_API_SECRET", secret)
    return f"ws://{address}:7880", pair


def judge_places(values: Values) -> Iterator[Line]:
    """Settings that lead a container to what it cannot reach."""
    for name in ("WS_LLM_PERSONA_FILE", "AGENT_PERSONA"):
        path = values.get(name, _PERSONAS)
        if ("/" in path or path.endswith(".md")) and not path.startswith(_PERSONAS):
            yield failure(
                f"{name}: containers have no {path}",
                f"Put the file into ./personas, and set {name}=/personas/{path.split('/')[-1]}.",
            )
    if "LLM_BASE_URL" in values:
        yield warning(
            "LLM_BASE_URL leads the orchestrator elsewhere, and ws-llm goes on asking llm",
            "Add compose.upstream.yml and set LLM_UPSTREAM_URL to lead both, or be sure that you "
            "mean it.",
        )
    if "ORCHESTRATOR_BOARD" in values:
        yield warning("containers take no ORCHESTRATOR_BOARD", "Remove it.")


def judge_language_models(values: Values) -> Iterator[Line]:
    """The chain's keys where no worker is started that would refuse them itself."""
    chain = [name.strip() for name in values.get("LLM_CHAIN", "").split(",") if name.strip()]
    if "calls" in profiles_of(values):
        return
    if "gemini" in chain and "GEMINI_API_KEY" not in values:
        yield warning(
            "gemini is in LLM_CHAIN, and GEMINI_API_KEY is not set",
            "Set GEMINI_API_KEY before you take calls, or take gemini out of LLM_CHAIN.",
        )
    for what in ("STT", "TTS"):
        if values.get(f"SELF_HOSTED_{what}_ENABLED", "").lower() in ("false", "0", "no", "off"):
            yield warning(
                f"SELF_HOSTED_{what}_ENABLED=false is refused by the worker: there is no other",
                "Remove it before you take calls.",
            )


def judge_addresses(environments: Mapping[str, Values]) -> Iterator[Line]:
    """Addresses that mean another machine in a container than on this one."""
    seen = set()
    for service, environment in environments.items():
        for name, value in environment.items():
            if name.endswith("_URL") and _host(value) in _LOOPBACK and name not in seen:
                seen.add(name)
                yield failure(
                    f"{name} leads {service} to itself: in a container {_host(value)} is that one",
                    f"Give {name} the name of a service, or this machine's address in the network.",
                )


def judge_engines(values: Values, llm: Values) -> Iterator[Line]:
    """Settings of an engine that is not the one that runs."""
    engine = llm.get("LLM_ENGINE", "")
    if engine and engine != "proxy" and "LLM_UPSTREAM_URL" in values:
        yield warning(
            f"LLM_UPSTREAM_URL means nothing to LLM_ENGINE={engine}",
            "Remove it, or add compose.upstream.yml as the last of the Compose files.",
        )
    if engine != "vllm" and values.get("LLM_VLLM_ARGS"):
        yield warning("LLM_VLLM_ARGS is set, and vLLM is not the engine", "Remove it.")


def judge_conversation(llm: LlmSettings, ws_llm: WsLlmSettings) -> Iterator[Line]:
    """Whether what the assistant remembers fits into the model's context."""
    if llm.engine != "vllm":
        return
    context = llm.context_tokens or CARDS[llm.gpu_memory_gb].context_tokens
    wanted = ws_llm.max_history_tokens + ws_llm.max_tokens + _PERSONA_TOKENS
    if wanted > context:
        yield warning(
            f"a long conversation takes about {wanted} tokens, the model has {context}",
            "Lower WS_LLM_MAX_HISTORY_TOKENS or raise LLM_CONTEXT_TOKENS.",
        )


def judge_stopping(values: Values) -> Iterator[Line]:
    """Whether containers get the time to stop that they are told to take."""
    grace = seconds(values.get("STOP_GRACE_PERIOD", "45s"))
    takes = _number(values.get("DRAIN_DELAY_S"), 0) + _number(values.get("SHUTDOWN_GRACE_S"), 30)
    if grace is not None and grace <= takes:
        yield warning(
            f"a service may take {takes:g} s to stop and is killed after {grace:g}",
            "Set STOP_GRACE_PERIOD to more than DRAIN_DELAY_S and SHUTDOWN_GRACE_S together.",
        )
    grace = seconds(values.get("ORCHESTRATOR_STOP_GRACE_PERIOD", "3630s"))
    takes = _number(values.get("ORCHESTRATOR_DRAIN_TIMEOUT_S"), 3_600)
    if grace is not None and grace <= takes:
        yield warning(
            f"calls may take {takes:g} s to end and are cut off after {grace:g}",
            "Set ORCHESTRATOR_STOP_GRACE_PERIOD to more than ORCHESTRATOR_DRAIN_TIMEOUT_S.",
        )


def judge_shell(file: Values, shell: Values, known: Collection[str]) -> Iterator[Line]:
    """Settings that the shell exports, which win over those of the file."""
    for name in sorted(known & file.keys() & shell.keys()):
        if file[name] != shell[name]:
            yield warning(
                f"{name} is exported in this shell, and Compose takes that value, not .env's",
                f"Run `unset {name}`, or be sure that you mean it.",
            )


def seconds(duration: str) -> float | None:
    """Of a duration as Compose writes it, `1m30s`; None if it is none."""
    found = _DURATION.fullmatch(duration.strip())
    if not found or not found[0]:
        return None
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    return hours * 3_600 + minutes * 60 + rest


def _number(text: str | None, default: float) -> float:
    try:
        return float(text) if text else default
    except ValueError:
        return default  # the services say what is wrong with it


def _is_true(text: str) -> bool:
    return text.strip().lower() in ("true", "1", "yes", "on", "t", "y")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _listed(names: list[str]) -> str:
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"
