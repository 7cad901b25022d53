"""Puts the LLM service together."""

from parley_kit.app import Service
from parley_kit.models import model_routes
from parley_llm.engine import LlmEngine
from parley_llm.routes import chat_routes
from parley_llm.settings import LlmSettings


def create_engine(settings: LlmSettings) -> LlmEngine:
    """The engine that the settings name; engines import what they need when they are chosen."""
    from parley_llm.engines.scripted import ScriptedEngine

    return ScriptedEngine(settings)


def create_app(settings: LlmSettings, engine: LlmEngine | None = None) -> Service:
    """The service's ASGI application."""
    engine = engine or create_engine(settings)
    service = Service("llm", settings, engine)
    service.include_router(model_routes(engine.models))
    service.include_router(chat_routes(service, settings, engine))
    return service
