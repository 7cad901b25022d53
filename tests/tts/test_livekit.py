"""The stock LiveKit plugin, which sends one request for each sentence of an agent."""

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, APIStatusError
from livekit.agents.utils import http_context
from livekit.plugins import openai
from openai import AsyncOpenAI

from tests.tts.breakable import Tts, service
from tests.tts.sounds import RATE, Samples, loudness, seconds

pytestmark = pytest.mark.anyio

SENTENCE = "The doctor will see you on Monday, and please bring your papers with you."
ONCE = APIConnectOptions(max_retry=0)
# It asks for events of all models but OpenAI's two oldest.
MODELS = ("tts-1", "kokoro")
LONGEST_PRIMING_S = 0.15
# Its decoder drops the first packet of these, which it opens with FFmpeg's `nobuffer`.
LOST_S = {"opus": 0.02, "flac": 0.1}


@pytest.fixture
async def sdk(tts_url: str) -> AsyncIterator[AsyncOpenAI]:
    """The plugin's own asks for an API key."""
    async with client_of(tts_url) as client, http_context.open():
        yield client


def client_of(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=url, api_key="any", max_retries=0)


async def spoken(sdk: AsyncOpenAI, text: str = SENTENCE, **options: Any) -> list[rtc.AudioFrame]:
    plugin = openai.TTS(client=sdk, **{"voice": "alloy", **options})
    try:
        async with plugin.synthesize(text, conn_options=ONCE) as stream:
            return [event.frame async for event in stream]
    finally:
        await plugin.aclose()


def samples_of(frames: list[rtc.AudioFrame]) -> Samples:
    return np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
async def test_a_sentence_arrives_whole(sdk: AsyncOpenAI, model: str, form: Any) -> None:
    frames = await spoken(sdk, model=model, response_format=form)
    expected = await sdk.audio.speech.create(
        input=SENTENCE, model=model, voice="alloy", response_format="pcm"
    )

    assert {(frame.sample_rate, frame.num_channels) for frame in frames} == {(RATE, 1)}
    heard, original = samples_of(frames), np.frombuffer(expected.content, np.int16)
    lost_s = LOST_S.get(form, 0)
    assert -0.01 < seconds(heard) + lost_s - seconds(original) < LONGEST_PRIMING_S
    assert loudness(heard) == pytest.approx(loudness(original), rel=0.1)


@pytest.mark.parametrize("model", MODELS)
async def test_what_is_asked_for_when_nothing_is_chosen_arrives(
    sdk: AsyncOpenAI, model: str
) -> None:
    faster = await spoken(sdk, model=model, speed=2.0, instructions="Kindly.")

    usual = await spoken(sdk, model=model)
    ratio = seconds(samples_of(usual)) / seconds(samples_of(faster))
    assert ratio == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("model", MODELS)
async def test_a_wrong_voice_is_an_error_that_is_not_retried(sdk: AsyncOpenAI, model: str) -> None:
    with pytest.raises(APIStatusError) as refused:
        await spoken(sdk, model=model, voice="nobody")

    assert (refused.value.status_code, refused.value.retryable) == (400, False)


@pytest.fixture
async def breakable() -> AsyncIterator[Tts]:
    with service() as tts:
        async with http_context.open():
            yield tts


async def test_frames_arrive_while_the_rest_is_still_to_be_made(breakable: Tts) -> None:
    async with client_of(f"{breakable.url}/tts/v1") as sdk:
        plugin = openai.TTS(client=sdk, voice="alloy", model="kokoro")
        text = "Hello there. Now wait for me. Goodbye."
        async with plugin.synthesize(text, conn_options=ONCE) as stream:
            first = await anext(stream)
            assert first.frame.samples_per_channel > 0
            assert "Goodbye." not in breakable.begun
            breakable.synthesiser.gate.set()
            rest = [event.frame async for event in stream]
        await plugin.aclose()

    assert breakable.begun[-1] == "Goodbye."
    assert seconds(samples_of([first.frame, *rest])) > 1.5


async def test_an_agent_that_is_interrupted_frees_the_place(breakable: Tts) -> None:
    async with client_of(f"{breakable.url}/tts/v1") as sdk:
        plugin = openai.TTS(client=sdk, voice="alloy", model="kokoro")
        text = "Hello there. Now wait for me. Never say this."
        async with plugin.synthesize(text, conn_options=ONCE) as stream:
            await anext(stream)
        breakable.await_load(running=0)
        await plugin.aclose()

    assert "Never say this." not in breakable.begun


async def test_a_raw_stream_that_is_cut_is_an_error(breakable: Tts) -> None:
    async with client_of(f"{breakable.url}/tts/v1") as sdk:
        with pytest.raises(APIConnectionError):
            await spoken(sdk, "Hello there. This will fail.", model="tts-1")


async def test_prewarming_and_closing_leave_nothing_behind(breakable: Tts) -> None:
    async with client_of(f"{breakable.url}/tts/v1") as sdk:
        plugin = openai.TTS(client=sdk)
        plugin.prewarm()
        await plugin.aclose()

    breakable.await_load(running=0)
