"""The stock LiveKit plugin, streaming a question at the speed of speech."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import stt
from livekit.agents.utils import http_context
from livekit.plugins import openai

from tests.stt.realtime.talking import RATE, pcm_of, silence
from tests.stt.recordings import JFK, WEATHER, WEATHER_TEXT

pytestmark = pytest.mark.anyio

Kind = stt.SpeechEventType


@pytest.fixture
async def livekit(stt_url: str) -> AsyncIterator[openai.STT]:
    async with http_context.open():
        plugin = openai.STT(
            base_url=stt_url, api_key="any", use_realtime=True, noise_reduction_type="near_field",
            prompt="Questions about the weather.",
        )  # fmt: skip
        yield plugin
        await plugin.aclose()


async def speak(stream: Any, pcm: bytes) -> None:
    """Frames of 10 ms, each when it is time for it."""
    loop, size = asyncio.get_running_loop(), 2 * RATE // 100
    began = loop.time()
    for sent in range(0, len(pcm), size):
        piece = pcm[sent : sent + size]
        stream.push_frame(rtc.AudioFrame(piece, RATE, 1, len(piece) // 2))
        await asyncio.sleep(began + sent / (2 * RATE) - loop.time())


async def hear(plugin: openai.STT, pcm: bytes, finals: int = 1) -> list[Any]:
    """The events up to the last of so many finals, and the end of speech."""
    heard: list[Any] = []
    stream = plugin.stream()
    speaking = asyncio.create_task(speak(stream, pcm))
    async with asyncio.timeout(30):
        async for event in stream:
            heard.append(event)
            if [event.type for event in heard].count(Kind.RECOGNITION_USAGE) == finals:
                break
    await speaking
    await stream.aclose()
    return heard


async def test_livekit_hears_a_question(livekit: openai.STT) -> None:
    heard = await hear(livekit, silence(0.3) + pcm_of(WEATHER) + silence(0.7))

    kinds = [event.type for event in heard]
    assert kinds[0] == Kind.START_OF_SPEECH
    assert kinds.index(Kind.START_OF_SPEECH) < kinds.index(Kind.END_OF_SPEECH)
    final = next(event for event in heard if event.type == Kind.FINAL_TRANSCRIPT)
    assert final.alternatives[0].text == WEATHER_TEXT
    assert final.alternatives[0].language == "en"
    usage = next(event for event in heard if event.type == Kind.RECOGNITION_USAGE)
    assert usage.recognition_usage.audio_duration == pytest.approx(2.2, abs=0.4)


async def test_livekit_sees_words_before_the_speaker_is_done(livekit: openai.STT) -> None:
    livekit.update_options(turn_detection={"type": "server_vad", "silence_duration_ms": 1_200})

    heard = await hear(livekit, pcm_of(JFK)[: 2 * RATE * 5] + silence(1.4))

    kinds = [event.type for event in heard]
    assert kinds.index(Kind.INTERIM_TRANSCRIPT) < kinds.index(Kind.END_OF_SPEECH)
    interims = [event for event in heard if event.type == Kind.INTERIM_TRANSCRIPT]
    texts = [event.alternatives[0].text for event in interims]
    assert all(later.startswith(text) for text, later in pairwise(texts))
