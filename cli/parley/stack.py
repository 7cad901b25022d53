"""All services in one process, behind one address, told apart by the first part of the path."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.types import Receive, Scope, Send

from parley_kit.app import Service, status_of
from parley_kit.auth import configured_keys
from parley_kit.errors import KitError
from parley_kit.health import State
from parley_kit.key_file import KeyFile
from parley_kit.settings import ServiceSettings, load
from parley_llm.app import create_app as create_llm
from parley_llm.settings import LlmSettings
from parley_stt.app import create_app as create_stt
from parley_stt.settings import SttSettings
from parley_tts.app import create_app as create_tts
from parley_tts.settings import TtsSettings
from parley_ws_llm.app import create_app as create_ws_llm
from parley_ws_llm.settings import WsLlmSettings

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LOOK_EVERY_S = 0.02


class StackFailed(KitError):
    """A service of the stack could not start."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a stack listens and with which key it is called."""

    host: str
    port: int
    key: str | None

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def access_for(host: str) -> tuple[dict[str, object], str | None]:
    """Settings of access for a host, and the key to call with.

    On loopback no key is needed. An `OPENAI_API_KEY` that a developer's shell exports for another
    service is no reason to ask for one there.
    """
    access: dict[str, object] = (
        {"openai_api_key": "", "allow_anonymous": True} if host in _LOOPBACK else {}
    )
    settings = load(ServiceSettings, **access)
    keys = configured_keys(settings)
    if not keys and settings.api_keys_file is not None:
        keys = KeyFile(settings.api_keys_file).keys
    return access, next(iter(keys), None)


def create_services(address: Address, access: Mapping[str, object]) -> list[Service]:
    """The services of the stack with their embedded engines.

    Raises:
        SettingsError: the environment is wrong, or a key is needed and there is none.
    """
    upstream = {"openai_base_url": address.url, "openai_api_key": address.key or ""}
    return [
        create_stt(load(SttSettings, **access)),
        create_tts(load(TtsSettings, **access)),
        create_llm(load(LlmSettings, **access)),
        create_ws_llm(load(WsLlmSettings, **{**access, **upstream})),
    ]


class Stack:
    """The ASGI application; what belongs to no service is answered by `home`."""

    def __init__(self, services: Sequence[Service], settings: ServiceSettings) -> None:
        self.services = services
        self.home = Service("home", settings, _All(services), open_paths=frozenset({("GET", "/")}))
        self.home.include_router(_home_routes(services))
        self._by_name = {service.name: service for service in services}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = "" if scope["type"] == "lifespan" else scope["path"].split("/", 2)[1]
        app = self._by_name.get(name, self.home)
        await app(scope, receive, send)

    def mark_draining(self) -> None:
        for service in (self.home, *self.services):
            service.health.mark_draining()


class _All:
    """The component of the whole: it has started when every service has."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = services
        self._lifespans = AsyncExitStack()

    async def start(self) -> None:
        for service in self._services:
            lifespan = service.router.lifespan_context(service)
            await self._lifespans.enter_async_context(lifespan)
        while not all(service.health.ready for service in self._services):
            for service in self._services:
                if service.health.state is State.FAILED:
                    raise StackFailed(f"{service.name} could not start: {service.health.reason}")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def close(self) -> None:
        await self._lifespans.aclose()

    def status(self) -> Mapping[str, object]:
        return {"services": [status_of(service) for service in self._services]}


def _home_routes(services: Sequence[Service]) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    async def index() -> dict[str, object]:
        return {
            "name": "Parley",
            "chat": "/ws-llm/",
            "services": {service.name: service.health.state for service in services},
        }

    return router
