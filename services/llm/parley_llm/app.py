"""Puts the LLM service together."""

from parley_kit.app import Service
from parley_kit.errors import SettingsError
from parley_kit.health import Health
from parley_kit.models import model_routes
from parley_llm.completions import completion_routes
from parley_llm.engine import LlmEngine
from parley_llm.responses import response_routes
from parley_llm.routes import chat_routes
from parley_llm.settings import LlmSettings


def create_app(settings: LlmSettings) -> Service:
    """The service's ASGI application; engines import what they need when they are chosen.

    Raises:
        SettingsError: the engine does not run inside this process.
    """
    match settings.engine:
        case "vllm":
            raise SettingsError(
                "LLM_ENGINE=vllm is a process of its own: run python -m parley_llm, and use "
                "LLM_ENGINE=proxy with its URL here."
            )
        case "proxy":
            return _relaying(settings)
        case "scripted":
            from parley_llm.engines.scripted import ScriptedEngine

            return _answering(settings, ScriptedEngine(settings))


def _answering(settings: LlmSettings, engine: LlmEngine) -> Service:
    service = Service("llm", settings, engine)
    service.include_router(model_routes(engine.models))
    for routes in (chat_routes, completion_routes, response_routes):
        service.include_router(routes(service, settings, engine))
    return service


def _relaying(settings: LlmSettings) -> Service:
    from parley_llm.engines.proxy import Proxy
    from parley_llm.relay import relay_routes

    health = Health("the server of LLM_UPSTREAM_URL")
    upstream = Proxy(settings, health)
    service = Service("llm", settings, upstream, health=health)
    service.include_router(relay_routes(service, settings, upstream))
    return service
