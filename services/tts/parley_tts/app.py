"""Puts the TTS service together."""

from importlib.util import find_spec
from typing import Any

from parley_kit.app import Service
from parley_kit.models import model_routes
from parley_tts.cache import CachingEngine, PhraseCache
from parley_tts.engine import TtsEngine
from parley_tts.engines.scheduled import ScheduledEngine
from parley_tts.engines.synthesiser import Synthesiser
from parley_tts.measures import SynthesisMetrics
from parley_tts.replies import voice_list
from parley_tts.routes import listing_routes, speech_routes
from parley_tts.settings import TtsSettings
from parley_tts.stream.door import stream_routes

# Open WebUI asks for these without a key.
_OPEN_PATHS = frozenset({("GET", "/v1/audio/voices"), ("GET", "/v1/audio/models")})


def create_engine(settings: TtsSettings) -> TtsEngine:
    """The engine that the settings name; engines import what they need when they are chosen."""
    engine = ScheduledEngine(_synthesiser(settings), settings.served_models)
    if not settings.cache_mb:
        return engine
    return CachingEngine(engine, PhraseCache(settings.cache_mb << 20), settings.cache_max_chars)


def speaks_with_kokoro(settings: TtsSettings) -> bool:
    """Whether Kokoro is what the settings choose here."""
    return settings.engine == "kokoro" or (
        settings.engine == "auto" and find_spec("kokoro") is not None
    )


def _synthesiser(settings: TtsSettings) -> Synthesiser[Any]:
    from parley_tts.engines import espeak, flite

    if speaks_with_kokoro(settings):
        from parley_tts.engines.kokoro.synthesiser import KokoroSynthesiser

        return KokoroSynthesiser(settings)
    if settings.engine == "flite" or (settings.engine == "auto" and flite.is_installed()):
        return flite.FliteSynthesiser()
    return espeak.EspeakSynthesiser()


def create_app(settings: TtsSettings, engine: TtsEngine | None = None) -> Service:
    """The service's ASGI application."""
    engine = engine or create_engine(settings)
    service = Service("tts", settings, engine, open_paths=_OPEN_PATHS)
    service.include_router(model_routes(engine.models, lambda: voice_list(engine.voices)))
    service.include_router(listing_routes(engine))
    metrics = SynthesisMetrics(service.metrics.registry, engine.sample_rate)
    service.include_router(speech_routes(service, settings, engine, metrics))
    service.include_router(stream_routes(service, settings, engine, metrics))
    return service
