"""Puts the STT service together."""

import logging

from parley_kit.app import Service
from parley_kit.models import model_routes
from parley_stt.engine import SttEngine
from parley_stt.realtime.door import realtime_routes
from parley_stt.routes import audio_routes
from parley_stt.settings import WHISPER_ONLY, SttSettings

log = logging.getLogger("parley.stt")


def create_engine(settings: SttSettings) -> SttEngine:
    """The engine that the settings name; engines import what they need when they are chosen.

    Raises:
        SettingsError: the engine is not installed.
    """
    _mention_unused(settings)
    if settings.engine == "faster-whisper":
        from parley_stt.engines.whisper.engine import FasterWhisperEngine

        return FasterWhisperEngine(settings)
    from parley_stt.engines.pocketsphinx import PocketsphinxEngine

    return PocketsphinxEngine(settings)


def _mention_unused(settings: SttSettings) -> None:
    unused = sorted(settings.model_fields_set & WHISPER_ONLY)
    if unused and settings.engine != "faster-whisper":
        names = ", ".join(f"STT_{name}".upper() for name in unused)
        log.warning("%s: unused, because STT_ENGINE is %s", names, settings.engine)


def create_app(settings: SttSettings, engine: SttEngine | None = None) -> Service:
    """The service's ASGI application."""
    engine = engine or create_engine(settings)
    service = Service("stt", settings, engine)
    service.include_router(model_routes(engine.models))
    service.include_router(audio_routes(service, settings, engine))
    service.include_router(realtime_routes(service, settings, engine))
    return service
