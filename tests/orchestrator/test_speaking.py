"""Speech from our own service as the words come, and from any other sentence by sentence."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import aiohttp
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APITimeoutError, tts
from livekit.agents.utils import http_context

from parley_kit.settings import load
from parley_orchestrator import speaking
from parley_orchestrator.settings import OrchestratorSettings
from tests.orchestrator.fault_proxy import BlackHole, FaultProxy, NoFault, Refuse
from tests.serving import stopping
from tests.tts.breakable import Tts, service

pytestmark = pytest.mark.anyio

ONCE = APIConnectOptions(max_retry=0, timeout=1.0)
AGAIN = APIConnectOptions(max_retry=1, retry_interval=0.0, timeout=1.0)
WORDS = ["Good ", "morn", "ing. ", "We open ", "at nine."]


@pytest.fixture
def served() -> Iterator[Tts]:
    with service() as running:
        yield running


@pytest.fixture(autouse=True)
async def _http() -> AsyncIterator[None]:
    """As in a job of LiveKit's."""
    async with http_context.open():
        yield


def settings_of(url: str, **fields: Any) -> OrchestratorSettings:
    return load(
        OrchestratorSettings, llm_chain="qwen", openai_base_url=url, tts_voice="kal16", **fields
    )


def speech_at(url: str, **fields: Any) -> tts.TTS[Any]:
    """Over the WebSocket."""
    return speaking.create_tts(settings_of(url, **fields), streaming="yes")


async def spoken(speech: tts.TTS[Any], words: list[str], options: APIConnectOptions = ONCE) -> int:
    """The samples of an utterance that is written word by word."""
    async with speech.stream(conn_options=options) as stream:
        for word in words:
            stream.push_text(word)
        stream.end_input()
        return sum([len(event.frame.data) async for event in stream])


def begun(served: Tts) -> str:
    return " ".join(served.begun)


async def test_words_become_speech_as_they_come(served: Tts) -> None:
    async with speech_at(served.url) as speech, speech.stream(conn_options=ONCE) as stream:
        stream.push_text("Good morning. We open at nine. And")
        first = await anext(stream)
        early = begun(served)
        stream.push_text(" we close at five.")
        stream.end_input()
        rest = [event.frame async for event in stream]

    assert (first.frame.sample_rate, first.frame.num_channels) == (24_000, 1)
    assert "close" not in early
    assert sum(frame.duration for frame in rest) > 1.0
    assert begun(served) == "Good morning. We open at nine. And we close at five."


async def test_utterances_share_a_socket_one_after_the_other(served: Tts) -> None:
    async with FaultProxy(served.url).running() as proxy, speech_at(proxy.url) as speech:
        lengths = [await spoken(speech, WORDS) for _ in range(3)]

    assert lengths[0] > 24_000
    assert len(set(lengths)) == 1
    assert proxy.accepted == 1


async def test_speech_that_is_interrupted_is_not_made(served: Tts) -> None:
    async with speech_at(served.url) as speech:
        async with speech.stream(conn_options=ONCE) as stream:
            stream.push_text("Good morning. Now wait. And then goodbye. ")
            await anext(stream)
        served.synthesiser.gate.set()
        served.await_load(running=0)

        assert "goodbye" not in begun(served)
        assert await spoken(speech, WORDS) > 24_000


@pytest.mark.parametrize(
    ("fault", "error"), [(Refuse(), APIConnectionError), (BlackHole(), APITimeoutError)]
)
async def test_a_service_that_is_away_is_an_error_and_later_it_speaks_again(
    served: Tts, fault: Refuse | BlackHole, error: type[APIError]
) -> None:
    async with FaultProxy(served.url).running() as proxy, speech_at(proxy.url) as speech:
        await proxy.become(fault)
        with pytest.raises(error):
            await spoken(speech, WORDS)
        await proxy.become(NoFault())

        assert await spoken(speech, WORDS) > 24_000


async def test_a_socket_that_died_in_the_pool_costs_nobody_a_word(served: Tts) -> None:
    async with FaultProxy(served.url).running() as proxy, speech_at(proxy.url) as speech:
        whole = await spoken(speech, WORDS)
        await proxy.become(Refuse())
        await proxy.become(NoFault())

        assert await spoken(speech, WORDS, AGAIN) == whole


async def test_a_service_that_is_replaced_between_two_answers_costs_nobody_a_word(
    served: Tts,
) -> None:
    with ExitStack() as replaced:
        old = replaced.enter_context(service())
        async with FaultProxy(old.url).running() as proxy, speech_at(proxy.url) as speech:
            whole = await spoken(speech, WORDS)
            proxy.lead_to(served.url)
            await asyncio.to_thread(replaced.close)

            assert await spoken(speech, WORDS, AGAIN) == whole


async def test_a_service_that_is_replaced_within_an_answer_finishes_it(served: Tts) -> None:
    with ExitStack() as replaced:
        old = replaced.enter_context(service())
        async with FaultProxy(old.url).running() as proxy, speech_at(proxy.url) as speech:
            whole = await spoken(speech, WORDS)
            proxy.lead_to(served.url)
            async with speech.stream(conn_options=AGAIN) as stream:
                for word in WORDS[:4]:
                    stream.push_text(word)
                first = await anext(stream)
                async with stopping(old.url, replaced):
                    stream.push_text(WORDS[4])
                    stream.end_input()
                    rest = sum([len(event.frame.data) async for event in stream])
            again = await spoken(speech, WORDS, AGAIN)

    assert len(first.frame.data) + rest == again == whole


class Unwritable(aiohttp.ClientWebSocketResponse):
    """Its way there broke when the session had been set up, its way back did not."""

    async def send_str(self, data: str, compress: int | None = None) -> None:
        if "session.update" not in data:
            raise aiohttp.ClientConnectionResetError("no way there")
        await super().send_str(data, compress)


async def test_a_socket_that_cannot_be_written_to_is_an_error_though_it_stays_open(
    served: Tts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_context.http_session(), "_ws_response_class", Unwritable)
    async with speech_at(served.url) as speech:
        with pytest.raises(APIError):
            await asyncio.wait_for(spoken(speech, WORDS), 10)


async def test_what_the_service_refuses_is_not_tried_again(served: Tts) -> None:
    async with (
        FaultProxy(served.url).running() as proxy,
        speech_at(proxy.url, tts_model="nobody") as speech,
    ):
        with pytest.raises(APIError) as refused:
            await spoken(speech, WORDS, AGAIN)

    assert refused.value.retryable is False
    assert proxy.accepted == 1


async def test_an_engine_that_fails_is_an_error(served: Tts) -> None:
    async with speech_at(served.url) as speech:
        with pytest.raises(APIError) as failed:
            await spoken(speech, ["This will fail."])

    assert failed.value.retryable is True


async def test_without_the_route_whole_sentences_are_asked_for(served: Tts) -> None:
    settings = settings_of(served.url)
    async with speaking.create_tts(settings, streaming="no") as speech:
        assert await spoken(speech, WORDS) > 24_000
