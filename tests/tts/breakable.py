"""A real engine that waits or fails where its text says so."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2

from parley_kit.app import Service
from parley_tts.app import create_app
from parley_tts.engine import EngineError, Manner
from parley_tts.engines.flite import FliteSynthesiser
from parley_tts.engines.scheduled import ScheduledEngine
from parley_tts.engines.spelling import Spelling
from parley_tts.engines.synthesiser import Sound
from parley_tts.settings import TtsSettings
from tests.serving import serve, wait_until

FREED_WITHIN_S = 1.0
_LONGEST_WAIT_S = 20.0


class BreakableSynthesiser(FliteSynthesiser):
    """Flite, a short sentence at a time.

    One with "wait" is held until the gate opens, one with "fail" fails.
    """

    max_size = 20

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.begun: list[str] = []

    def synthesise(self, phrases: Sequence[Spelling], manner: Manner) -> Sound:
        text = " ".join(phrase.text.text.strip() for phrase in phrases)
        self.begun.append(text)
        if "wait" in text:
            assert self.gate.wait(_LONGEST_WAIT_S), "the test opens the gate"
        if "fail" in text:
            raise EngineError("as the test wishes")
        return super().synthesise(phrases, manner)


class Tts:
    """A service on a socket around a breakable engine."""

    def __init__(self, url: str, app: Service, synthesiser: BreakableSynthesiser) -> None:
        self.url = url
        self.app = app
        self.synthesiser = synthesiser
        self.client = httpx2.Client(base_url=f"{url}/tts/v1", timeout=10)

    @property
    def begun(self) -> list[str]:
        """What the engine was asked to speak, the warm-up left out."""
        return self.synthesiser.begun[1:]

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
def service(**limits: Any) -> Iterator[Tts]:
    """A service with the given settings; its gate is open when it closes."""
    settings = TtsSettings(allow_anonymous=True, **limits)
    synthesiser = BreakableSynthesiser()
    app = create_app(settings, ScheduledEngine(synthesiser, settings.served_models))
    with serve(app) as url:
        tts = Tts(url, app, synthesiser)
        try:
            with tts.client:
                yield tts
        finally:
            synthesiser.gate.set()
