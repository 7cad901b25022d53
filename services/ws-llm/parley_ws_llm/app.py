"""Puts the WebSocket assistant together."""

from parley_kit.app import Service
from parley_kit.auth import Authenticator
from parley_kit.health import Health
from parley_kit.pages import open_paths, page_routes
from parley_ws_llm import persona
from parley_ws_llm.assistant import Assistant
from parley_ws_llm.engines.openai import OpenAiEngine
from parley_ws_llm.routes import PAGE, Door, add_socket_routes
from parley_ws_llm.screen import screen
from parley_ws_llm.screen.replies import Replies
from parley_ws_llm.settings import WsLlmSettings
from parley_ws_llm.shares import shared
from parley_ws_llm.triage import Triage

NAME = "ws-llm"


def create_app(settings: WsLlmSettings) -> Service:
    """The service's ASGI application.

    Raises:
        SettingsError: the persona cannot be read, the region is unknown, or no key is configured
            although one is needed.
    """
    settings = shared(settings, Authenticator.from_settings(settings).keys)
    health = Health("the language model of OPENAI_BASE_URL or LLM_BASE_URL")
    engine = OpenAiEngine(settings, health)
    # Without its slash the root is a path of its own to the edge.
    pages = open_paths((*PAGE, f"/{NAME}"))
    service = Service(NAME, settings, engine, open_paths=pages, health=health)
    assistant = Assistant(
        service,
        engine,
        persona.load(settings.persona_file),
        Triage(screen.load("red_flags"), screen.load("probes")),
        Replies(settings.region),
    )
    service.include_router(page_routes("parley_ws_llm", PAGE))
    add_socket_routes(service, Door(service, settings, assistant))
    return service
