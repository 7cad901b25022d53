"""A server that stops finishes what was said, and has its callers connect again."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass

import pytest
from websockets.exceptions import ConnectionClosed

from parley_stt.app import create_app
from parley_stt.settings import SttSettings
from tests import serving
from tests.serving import serve, stopping
from tests.stt.realtime.talking import COMPLETED, FAILED, Talk, pcm_of, silence, talk
from tests.stt.recordings import WEATHER, WEATHER_TEXT

pytestmark = pytest.mark.anyio

GRACE_S = 60


@dataclass
class Stopping:
    """A server that can be stopped while its client goes on."""

    url: str
    stack: ExitStack

    def stopped(self) -> AbstractAsyncContextManager[None]:
        return stopping(self.url, self.stack)


@pytest.fixture
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stopping]:
    """Its parameter is how long it has to stop."""
    monkeypatch.setattr(serving, "_GRACE_S", getattr(request, "param", GRACE_S))
    app = create_app(SttSettings(allow_anonymous=True, workers=1))
    with ExitStack() as stack:
        yield Stopping(stack.enter_context(serve(app)), stack)


async def closed(session: Talk) -> int | None:
    """The code with which the server closes; nothing comes before that."""
    with pytest.raises(ConnectionClosed):
        await session.receive()
    return session.socket.close_code


async def test_a_session_in_which_nobody_speaks_is_closed_at_once(server: Stopping) -> None:
    async with talk(f"{server.url}/stt/v1") as session:
        await session.say(silence(0.5))
        async with server.stopped():
            assert await closed(session) == 1012


async def test_an_utterance_that_was_committed_is_transcribed_first(server: Stopping) -> None:
    async with talk(f"{server.url}/stt/v1") as session:
        await session.update(turn_detection=None)
        await session.say(pcm_of(WEATHER))
        await session.send("input_audio_buffer.commit")
        await session.until("input_audio_buffer.committed")
        async with server.stopped():
            heard = await session.until(COMPLETED, FAILED)

            assert heard["transcript"] == WEATHER_TEXT
            assert await closed(session) == 1012


async def test_who_is_speaking_may_finish_the_sentence(server: Stopping) -> None:
    speech = silence(0.5) + pcm_of(WEATHER)
    async with talk(f"{server.url}/stt/v1") as session:
        await session.say(speech[: len(speech) // 2])
        await session.until("input_audio_buffer.speech_started")
        async with server.stopped():
            await session.say(speech[len(speech) // 2 :] + silence(0.8))

            assert (await session.until(COMPLETED, FAILED))["transcript"] == WEATHER_TEXT
            assert await closed(session) == 1012


async def test_who_hangs_up_meanwhile_keeps_nobody_waiting(server: Stopping) -> None:
    async with talk(f"{server.url}/stt/v1") as session:
        await session.say(silence(0.5) + pcm_of(WEATHER))
        await session.until("input_audio_buffer.speech_started")
        async with asyncio.timeout(GRACE_S / 2):
            async with server.stopped():
                session.socket.transport.abort()


@pytest.mark.parametrize("server", [1], indirect=True)
async def test_who_has_not_finished_when_the_time_is_up_is_told_so(server: Stopping) -> None:
    async with talk(f"{server.url}/stt/v1") as session:
        await session.say(silence(0.5) + pcm_of(WEATHER))
        await session.until("input_audio_buffer.speech_started")
        async with server.stopped():
            await session.socket.wait_closed()

    assert session.socket.close_code == 1012
    assert session.of(COMPLETED) == []
