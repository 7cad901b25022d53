"""A real engine that waits or fails where its text says so."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from parley_kit.app import Service
from parley_tts.app import create_app
from parley_tts.engine import EngineError, Samples
from parley_tts.engines.embedded import EmbeddedEngine
from parley_tts.engines.flite import FliteSynthesiser
from parley_tts.settings import TtsSettings
from tests.serving import serve, wait_until

FREED_WITHIN_S = 1.0
_LONGEST_WAIT_S = 20.0


class BreakableSynthesiser(FliteSynthesiser):
    """Flite; a sentence with "wait" is held until the gate opens, one with "fail" fails."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.begun: list[str] = []

    def synthesise(self, text: str, voice: str, speed: float) -> Samples:
        self.begun.append(text)
        if "wait" in text:
            assert self.gate.wait(_LONGEST_WAIT_S), "the test opens the gate"
        if "fail" in text:
            raise EngineError("as the test wishes")
        return super().synthesise(text, voice, speed)


class Tts:
    """A service on a socket around a breakable engine."""

    def __init__(self, url: str, app: Service, synthesiser: BreakableSynthesiser) -> None:
        self.url = url
        self.app = app
        self.synthesiser = synthesiser
        self.client = httpx2.Client(base_url=f"{url}/tts/v1", timeout=10)

    def body(self, text: str, **fields: object) -> dict[str, object]:
        return {"model": "tts-1", "voice": "kal16", "input": text} | fields

    def await_load(self, *, running: int, queued: int = 0) -> None:
        def reached() -> bool:
            load = self.app.admission.load
            return (load.running, load.queued) == (running, queued)

        wait_until(reached, FREED_WITHIN_S, f"{running} running and {queued} queued")

    def await_begun(self, sentence: str) -> None:
        wait_until(lambda: sentence in self.synthesiser.begun, FREED_WITHIN_S, f"{sentence!r}")


@contextmanager
def service(**limits: object) -> Iterator[Tts]:
    """A service with the given settings; its gate is open when it closes."""
    settings = TtsSettings(allow_anonymous=True, **limits)  # type: ignore[arg-type]  # tests' own
    synthesiser = BreakableSynthesiser()
    app = create_app(settings, EmbeddedEngine(synthesiser, settings))
    with serve(app) as url:
        tts = Tts(url, app, synthesiser)
        try:
            with tts.client:
                yield tts
        finally:
            synthesiser.gate.set()
