"""Text in while it is written, speech out while it is made."""

from collections.abc import Iterator

import httpx2
import pytest

from parley_tts.app import create_app
from parley_tts.settings import TtsSettings
from tests.serving import serve
from tests.tts.breakable import Tts, service
from tests.tts.stream.streaming_client import (
    DELTA,
    DONE,
    audio_of,
    stream,
)

pytestmark = pytest.mark.anyio

SENTENCE = "Good morning to you all, and welcome to the show."


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(create_app(TtsSettings(allow_anonymous=True, engine="flite"))) as url:
        yield f"{url}/tts/v1"


@pytest.fixture
def tts() -> Iterator[Tts]:
    """Speaks with an engine that waits or fails where its text says so."""
    with service() as tts:
        yield tts


async def test_audio_comes_before_the_sentence_is_complete(url: str) -> None:
    async with stream(url) as session:
        await session.append("Good mor", "ning to you all,", " and")
        first = await session.until(DELTA)
        await session.append(" welcome to the show.")
        await session.send("input_text.done")
        done = await session.until(DONE)

        assert first["utterance_id"] == done["utterance_id"]
        assert done["usage"]["input_tokens"] == len(SENTENCE.split())
        assert len(session.audio()) / 48_000 == pytest.approx(done["duration"], abs=0.001)


async def test_the_audio_is_that_of_a_request_with_the_same_text(url: str) -> None:
    async with stream(url) as session:
        await session.update(voice="kal16")
        events = await session.say(SENTENCE)
    body = {"model": "tts-1", "voice": "kal16", "input": SENTENCE, "response_format": "pcm"}
    asked = httpx2.post(f"{url}/audio/speech", json=body, timeout=20)

    assert audio_of(events) == asked.content
