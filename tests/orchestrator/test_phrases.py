"""What a process asks of the speech service before its first call."""

import time
from collections.abc import Iterator

import pytest

from parley_kit.settings import load
from parley_orchestrator import speaking
from parley_orchestrator.phrases import Phrases
from parley_orchestrator.settings import OrchestratorSettings
from tests.tts.breakable import Tts, service

pytestmark = pytest.mark.anyio


@pytest.fixture
def served() -> Iterator[Tts]:
    with service() as running:
        yield running


def settings_of(url: str) -> OrchestratorSettings:
    return load(OrchestratorSettings, llm_chain="qwen", openai_base_url=url, tts_voice="kal16")


async def test_the_route_is_found_and_not_where_there_is_none(served: Tts) -> None:
    assert await speaking.streaming_at(settings_of(served.url), within_s=5) == "yes"
    assert (
        await speaking.streaming_at(settings_of(f"{served.url}/elsewhere/v1"), within_s=5) == "no"
    )
    assert await speaking.streaming_at(settings_of("http://127.0.0.1:9"), within_s=5) == "unknown"


async def test_phrases_are_fetched_and_what_cannot_be_is_left_out(served: Tts) -> None:
    phrases = Phrases(["This will fail.", "One moment.", "One moment."])
    await phrases.fetch(settings_of(served.url), within_s=5)

    assert phrases.missing == ["This will fail."]
    assert phrases.seconds("One moment.") > 0.3
    frames = list(phrases.frames("One moment."))
    assert sum(frame.duration for frame in frames) == pytest.approx(phrases.seconds("One moment."))


async def test_phrases_are_fetched_later_where_the_service_was_away(served: Tts) -> None:
    phrases = Phrases(["One moment."])
    await phrases.fetch(settings_of("http://127.0.0.1:9"), within_s=1)
    assert phrases.missing
    await phrases.fetch(settings_of(served.url), within_s=5)

    assert not phrases.missing


async def test_a_phrase_that_is_slow_to_come_costs_no_more_than_is_allowed(served: Tts) -> None:
    phrases = Phrases(["One moment.", "Please wait.", "Sorry."])
    begun = time.monotonic()
    await phrases.fetch(settings_of(served.url), within_s=0.5)
    took_s = time.monotonic() - begun
    served.synthesiser.gate.set()

    assert took_s < 2.0
    assert "Please wait." in phrases.missing
