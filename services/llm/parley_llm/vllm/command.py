"""vLLM's command line and environment, as a pure function of the settings."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parley_kit.errors import SettingsError
from parley_llm.settings import LlmSettings
from parley_llm.vllm.cards import CARDS, Card

MIDDLEWARE = "parley_llm.vllm.edge.VllmEdge"
SERVE = ("vllm", "serve")
"""How vLLM starts; `MODULE` where the distribution has another name, as on a CPU."""
MODULE = ("python", "-m", "vllm.entrypoints.openai.api_server")

# Short for --api-server-count.
_SERVERS = "-asc"
# Options of their own, although others begin with them.
_WHOLE = ("--ssl-keyfile", "--config-format")

_GIB = 1 << 30
# Keys are read from the environment by the edge, never from a command line, which `ps` shows.
# Nor from a file of arguments. The edge counts in one process what is let in.
_FORBIDDEN = (
    "--api-key", "--root-path", "--middleware", "--hf-token", "--ssl-keyfile-password",
    "--config", "--api-server-count",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """What to execute."""

    argv: Sequence[str]
    env: Mapping[str, str]
    """To be added to the environment that is there."""


def build_command(settings: LlmSettings, start: Sequence[str] = SERVE) -> Command:
    """
    Raises:
        SettingsError: `LLM_VLLM_ARGS` holds what is not an argument's place.
    """
    card = CARDS[settings.gpu_memory_gb]
    model = model_of(settings)
    named = (model,) if tuple(start) == SERVE else ("--model", model)
    argv = (
        *start,
        *named,
        *_serving(settings),
        *_limits(settings, card),
        *(_gpu(settings, card) if settings.device == "cuda" else ()),
        *_answering(settings),
        *_further(settings.vllm_args),
    )
    return Command(argv, _environment(settings, card))


def model_of(settings: LlmSettings) -> str:
    """A name at the hub or a directory: what is set, or what suits the card."""
    return settings.model or CARDS[settings.gpu_memory_gb].model


def _serving(settings: LlmSettings) -> tuple[str, ...]:
    return (
        "--served-model-name", *settings.served_models,
        "--root-path", "/llm",
        "--middleware", MIDDLEWARE,
        # As many as the edge can count for, however many engines there are.
        "--api-server-count", "1",
        "--host", settings.listen_host,
        "--port", str(settings.listen_port),
        "--shutdown-timeout", str(settings.shutdown_grace_s),
        "--disable-fastapi-docs",
        "--disable-uvicorn-access-log",
    )  # fmt: skip


def _limits(settings: LlmSettings, card: Card) -> tuple[str, ...]:
    return (
        "--max-model-len", str(settings.context_tokens or card.context_tokens),
        "--max-num-seqs", str(settings.max_concurrency),
        # The edge counts requests exactly; this bound is for what one of them may multiply to.
        "--max-num-queued-reqs", str(in_flight(settings) * settings.max_n),
        "--max-num-queued-tokens", str(settings.max_queued_tokens),
    )  # fmt: skip


def in_flight(settings: LlmSettings) -> int:
    """Requests that may run and wait in vLLM together."""
    return settings.max_concurrency + settings.max_queue


def _gpu(settings: LlmSettings, card: Card) -> tuple[str, ...]:
    kv_cache_gib = settings.kv_cache_gib or card.kv_cache_gib
    share = settings.gpu_memory_share or card.llm_gib / card.memory_gib
    return (
        # Said outright, so that what a neighbour happens to use while vLLM starts does not count.
        "--kv-cache-memory-bytes", str(int(kv_cache_gib * _GIB)),
        "--gpu-memory-utilization", f"{share:.2f}",
        "--performance-mode", "interactivity",
    )  # fmt: skip


def _answering(settings: LlmSettings) -> tuple[str, ...]:
    longest = json.dumps({"max_new_tokens": settings.max_completion_tokens})
    tools = (
        ("--enable-auto-tool-choice", "--tool-call-parser", settings.tool_parser,
         "--tool-strict-level", "function")
        if settings.tool_parser
        else ()
    )  # fmt: skip
    quantization = ("--quantization", settings.quantization) if settings.quantization else ()
    return (
        *quantization,
        *tools,
        # Not the model's own sampling: a request that names none gets what OpenAI would give it.
        "--generation-config", "vllm",
        "--override-generation-config", longest,
        "--sse-keep-alive-interval", str(settings.sse_keep_alive_s),
    )  # fmt: skip


def _further(arguments: str) -> tuple[str, ...]:
    """What the settings have no name for; the last of two arguments counts."""
    try:
        further = tuple(shlex.split(arguments))
    except ValueError as exc:
        raise SettingsError(f"LLM_VLLM_ARGS: {exc}.") from exc
    for argument in further:
        if _may_be_forbidden(argument):
            raise SettingsError(f"LLM_VLLM_ARGS must not contain {argument.partition('=')[0]}.")
    return further


def _may_be_forbidden(argument: str) -> bool:
    """Whether vLLM would read it as forbidden, shortened as its parser allows included."""
    name = re.split(r"[=.]", argument, maxsplit=1)[0].replace("_", "-")
    if name.startswith(_SERVERS):
        return True
    if not name.startswith("--") or name in ("--", *_WHOLE):
        return False
    return any(forbidden.startswith(name) for forbidden in _FORBIDDEN)


def _environment(settings: LlmSettings, card: Card) -> dict[str, str]:
    env = {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        # No plugins: every package in the environment could bring one.
        "VLLM_PLUGINS": "",
        # Only the Python frontend has middleware.
        "VLLM_USE_RUST_FRONTEND": "0",
        "VLLM_SERVER_DEV_MODE": "0",
        "VLLM_DEBUG_LOG_API_SERVER_RESPONSE": "0",
        "VLLM_MAX_N_SEQUENCES": str(settings.max_n),
        # At debug it writes prompts.
        "VLLM_LOGGING_LEVEL": "INFO"
        if settings.log_level == "debug"
        else settings.log_level.upper(),
    }
    if settings.device == "cpu":
        env["VLLM_TARGET_DEVICE"] = "cpu"
        env["VLLM_CPU_KVCACHE_SPACE"] = str(int(settings.kv_cache_gib or card.kv_cache_gib) or 1)
    return env
