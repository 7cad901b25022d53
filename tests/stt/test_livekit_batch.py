"""The stock LiveKit plugin, which sends a whole utterance once its own VAD has heard its end."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import APIConnectOptions, APIStatusError, stt
from livekit.agents.utils import http_context
from livekit.plugins import openai
from openai import AsyncOpenAI

from tests.stt.realtime.talking import RATE, pcm_of, silence
from tests.stt.recordings import WEATHER, WEATHER_TEXT

pytestmark = pytest.mark.anyio

ONCE = APIConnectOptions(max_retry=0)


@pytest.fixture
async def sdk(stt_url: str) -> AsyncIterator[AsyncOpenAI]:
    """The plugin's own would stay open: nothing closes it."""
    async with (
        AsyncOpenAI(
            base_url=stt_url, api_key="any", max_retries=0, _strict_response_validation=True
        ) as client,
        http_context.open(),
    ):
        yield client


async def recognise(sdk: AsyncOpenAI, pcm: bytes, **options: Any) -> stt.SpeechData:
    size = 2 * RATE // 100
    pieces = [pcm[start : start + size] for start in range(0, len(pcm), size)]
    frames = [rtc.AudioFrame(piece, RATE, 1, len(piece) // 2) for piece in pieces]
    plugin = openai.STT(client=sdk, use_realtime=False, **options)
    try:
        event = await plugin.recognize(frames, conn_options=ONCE)
    finally:
        await plugin.aclose()
    assert event.type == stt.SpeechEventType.FINAL_TRANSCRIPT
    return event.alternatives[0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"model": "whisper-1"},
        {"model": "gpt-4o-mini-transcribe", "prompt": "Questions about the weather."},
        {"model": "gpt-transcribe", "keywords": ["Paris"], "language": ["en", "fr"]},
        {"model": "whisper-1", "detect_language": True},
    ],
    ids=str,
)
async def test_livekit_hears_a_question(sdk: AsyncOpenAI, options: dict[str, Any]) -> None:
    heard = await recognise(sdk, pcm_of(WEATHER), **options)

    assert heard.text == WEATHER_TEXT
    assert heard.language == "en"


@pytest.mark.parametrize("seconds", [0.01, 0.09, 1.0])
@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-mini-transcribe"])
async def test_what_livekits_vad_lets_pass_by_mistake_is_no_error(
    sdk: AsyncOpenAI, model: str, seconds: float
) -> None:
    heard = await recognise(sdk, silence(seconds), model=model)

    assert heard.text == ""


async def test_a_language_that_is_not_heard_is_an_error_livekit_does_not_retry(
    sdk: AsyncOpenAI,
) -> None:
    with pytest.raises(APIStatusError) as refused:
        await recognise(sdk, pcm_of(WEATHER), language="fr")

    assert refused.value.status_code == 400
    assert not refused.value.retryable
