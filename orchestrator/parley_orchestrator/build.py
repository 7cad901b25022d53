"""From settings to language models: the transports that `LLM_CHAIN` names, and the chain of them.

Each is imported when it is named, because some of their libraries are large.
"""

from collections.abc import Callable, Iterable, Mapping

from parley_orchestrator.board import Board
from parley_orchestrator.llm import transports
from parley_orchestrator.llm.breaker import BreakerPolicy
from parley_orchestrator.llm.chain import Chain, ChainPolicy
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.events import Observer, unobserved
from parley_orchestrator.llm.transport import Transport
from parley_orchestrator.settings import OrchestratorSettings


def create_chain(
    settings: OrchestratorSettings, board: Board, observer: Observer = unobserved
) -> Chain:
    """The chain of `settings.chain`; needs a running event loop."""
    members = [create_transport(name, settings.llm_config(name)) for name in settings.chain]
    return Chain(members, board, chain_policy(settings), observer)


def chain_policy(settings: OrchestratorSettings) -> ChainPolicy:
    breaker = BreakerPolicy(
        failures_to_open=settings.failures_to_open,
        cooldown_s=settings.cooldown_s,
        max_cooldown_s=settings.max_cooldown_s,
    )
    return ChainPolicy(silence_budget_s=settings.silence_budget_s, breaker=breaker)


async def rehearse(settings: OrchestratorSettings) -> None:
    """Make the chain's transports once, so that the next time takes a few milliseconds.

    The first time their libraries are imported, the TLS roots read and Google's types built.
    """
    for name in settings.chain:
        await create_transport(name, settings.llm_config(name)).close()


def transport_modules(chain: Iterable[str]) -> list[str]:
    """Those of the transports of `chain`."""
    return [f"{transports.__name__}.{_MODULES[name]}" for name in chain]


def create_transport(name: str, config: LlmConfig) -> Transport:
    """One of `settings.TRANSPORTS`."""
    return _MAKERS[name](config)


def _gemini(config: LlmConfig) -> Transport:
    from parley_orchestrator.llm.transports.gemini import Gemini

    return Gemini(config)


def _qwen(config: LlmConfig) -> Transport:
    from parley_orchestrator.llm.transports.chat_completions import ChatCompletions

    return ChatCompletions("qwen", config)


def _rest(config: LlmConfig) -> Transport:
    from parley_orchestrator.llm.transports.chat_completions import ChatCompletions

    return ChatCompletions("rest", config)


def _realtime(config: LlmConfig) -> Transport:
    from parley_orchestrator.llm.transports.realtime import Realtime

    return Realtime(config)


def _ws(config: LlmConfig) -> Transport:
    from parley_orchestrator.llm.transports.ws import WsLlm

    return WsLlm(config)


_MAKERS: Mapping[str, Callable[[LlmConfig], Transport]] = {
    "gemini": _gemini,
    "qwen": _qwen,
    "rest": _rest,
    "realtime": _realtime,
    "ws": _ws,
}
_MODULES: Mapping[str, str] = {
    "gemini": "gemini",
    "qwen": "chat_completions",
    "rest": "chat_completions",
    "realtime": "realtime",
    "ws": "ws",
}
