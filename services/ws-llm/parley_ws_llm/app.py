"""Puts the WebSocket assistant together."""

from parley_kit.app import Service
from parley_kit.pages import open_paths, page_routes
from parley_ws_llm import persona
from parley_ws_llm.assistant import Assistant
from parley_ws_llm.engine import ChatEngine
from parley_ws_llm.routes import PAGE, Door, add_socket_routes
from parley_ws_llm.settings import WsLlmSettings

NAME = "ws-llm"


def create_engine(settings: WsLlmSettings) -> ChatEngine:
    """The engine that the settings name; engines import what they need when they are chosen."""
    from parley_ws_llm.engines.openai import OpenAiEngine

    return OpenAiEngine(settings)


def create_app(settings: WsLlmSettings, engine: ChatEngine | None = None) -> Service:
    """The service's ASGI application.

    Raises:
        SettingsError: the persona cannot be read, or no key is configured although one is needed.
    """
    engine = engine or create_engine(settings)
    # Without its slash the root is a path of its own to the edge.
    pages = open_paths((*PAGE, f"/{NAME}"))
    service = Service(NAME, settings, engine, open_paths=pages)
    assistant = Assistant(service, engine, persona.load(settings.persona_file))
    service.include_router(page_routes("parley_ws_llm", PAGE))
    add_socket_routes(service, Door(service, settings, assistant))
    return service
