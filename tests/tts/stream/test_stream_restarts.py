"""A server that stops speaks what it was given, and has its clients connect again."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from dataclasses import dataclass

import pytest
from websockets.exceptions import ConnectionClosed

from parley_tts.app import create_app
from parley_tts.engines.scheduled import ScheduledEngine
from parley_tts.settings import TtsSettings
from tests import serving
from tests.serving import serve, stopping
from tests.tts.breakable import BreakableSynthesiser, Tts
from tests.tts.stream.streaming_client import DELTA, DONE, Stream, stream

pytestmark = pytest.mark.anyio

GRACE_S = 60


@dataclass
class Stopping:
    """A server that can be stopped while its client goes on."""

    tts: Tts
    stack: ExitStack

    @property
    def url(self) -> str:
        return f"{self.tts.url}/tts/v1"

    def stopped(self) -> AbstractAsyncContextManager[None]:
        return stopping(self.tts.url, self.stack)

    def go_on(self) -> None:
        """Let the engine speak what has "wait" in it."""
        self.tts.synthesiser.gate.set()


@pytest.fixture
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stopping]:
    """Its parameter is how long it has to stop."""
    monkeypatch.setattr(serving, "_GRACE_S", getattr(request, "param", GRACE_S))
    settings = TtsSettings(allow_anonymous=True)
    synthesiser = BreakableSynthesiser()
    app = create_app(settings, ScheduledEngine(synthesiser, settings.served_models))
    with ExitStack() as stack:
        url = stack.enter_context(serve(app))
        yield Stopping(Tts(url, app, synthesiser), stack)
        synthesiser.gate.set()


async def closed(session: Stream) -> int | None:
    """The code with which the server closes; nothing but audio comes before that."""
    with suppress(ConnectionClosed):
        while True:
            assert (await session.next())["type"] == DELTA
    return session.socket.close_code


async def test_a_session_in_which_nothing_is_spoken_is_closed_at_once(server: Stopping) -> None:
    async with stream(server.url) as session:
        await session.say("Good morning.")
        async with server.stopped():
            assert await closed(session) == 1012


async def test_what_waits_to_be_spoken_is_spoken_first(server: Stopping) -> None:
    async with stream(server.url) as session:
        for text in ("Please wait here. Good morning.", "We open at nine."):
            await session.append(text)
            await session.send("input_text.done")
        server.tts.await_begun("Please wait here.")
        async with server.stopped():
            server.go_on()
            await session.until(DONE)
            await session.until(DONE)

            assert await closed(session) == 1012
    assert server.tts.begun[-1] == "We open at nine."


async def test_who_is_writing_may_finish_the_utterance(server: Stopping) -> None:
    async with stream(server.url) as session:
        await session.append("Please wait here. We open")
        server.tts.await_begun("Please wait here.")
        async with server.stopped():
            await session.append(" at nine.")
            await session.send("input_text.done")
            server.go_on()
            await session.until(DONE)

            assert await closed(session) == 1012
    assert server.tts.begun[-1] == "We open at nine."


async def test_who_writes_no_more_hears_what_was_written_and_no_end_of_it(
    server: Stopping,
) -> None:
    async with stream(server.url) as session:
        await session.append("Please wait here. We open")
        server.tts.await_begun("Please wait here.")
        async with server.stopped():
            server.go_on()

            assert await closed(session) == 1012
    assert server.tts.begun[-1] == "We open"
    assert session.audio()


async def test_another_utterance_is_refused_and_those_before_are_spoken(server: Stopping) -> None:
    async with stream(server.url) as session:
        await session.append("Please wait here.")
        await session.send("input_text.done")
        server.tts.await_begun("Please wait here.")
        async with server.stopped():
            await session.append("And another.")
            refused = await session.until("error")
            server.go_on()
            await session.until(DONE)

            assert refused["error"]["code"] == "not_ready"
            assert await closed(session) == 1012


async def test_who_hangs_up_meanwhile_keeps_nobody_waiting(server: Stopping) -> None:
    async with stream(server.url) as session:
        await session.append("Good morning to you all, and")
        await session.until(DELTA)
        async with asyncio.timeout(GRACE_S / 2):
            async with server.stopped():
                session.socket.transport.abort()


@pytest.mark.parametrize("server", [1], indirect=True)
async def test_what_is_not_spoken_when_the_time_is_up_is_cut_off(server: Stopping) -> None:
    async with stream(server.url) as session:
        await session.append("Please wait here.")
        await session.send("input_text.done")
        server.tts.await_begun("Please wait here.")
        async with server.stopped():
            code = await closed(session)
            server.go_on()

    assert code == 1012
