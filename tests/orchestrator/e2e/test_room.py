"""A call in a room of a real LiveKit server: runs where `LIVEKIT_URL` is set.

`LIVEKIT_URL`, `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET` are those of the server. A client joins a
room of its own, the worker is dispatched to it (it has no name, so it takes every room of that
server), a WAV file is the microphone, and what the agent says is recorded.
"""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from livekit import api, rtc

from parley.bench.turn_phone import RATE, Samples
from tests.orchestrator.contract.chat_completions_wire import ChatCompletionsWire
from tests.orchestrator.contract.wire import Hang, Say
from tests.orchestrator.e2e.conftest import Ear
from tests.orchestrator.e2e.phone import onset_s
from tests.orchestrator.e2e.test_calls import (
    ANSWER,
    INTERRUPTED_WITHIN_S,
    STOPPED_WITHIN_S,
    running_at,
)
from tests.orchestrator.e2e.test_worker_process import logged, worker
from tests.serving import wait_until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not os.environ.get("LIVEKIT_URL"), reason="LIVEKIT_URL is not set"),
]

LIVEKIT = {name: value for name, value in os.environ.items() if name.startswith("LIVEKIT_")}
"""As it is when the tests are collected; while they run there is no such environment."""

REGISTERS_WITHIN_S = 60.0
COMES_WITHIN_S = 30.0
ANSWERS_WITHIN_S = 30.0
_FRAME = RATE // 50
_QUIET_S = 1.5
_STOPPED_S = 0.5
# There and back, with what WebRTC keeps against jitter.
_WAY_S = 0.2
_AUDIBLE = 200


class Client:
    """A caller in a room: a microphone that never stops, and a recording of the agent."""

    def __init__(self, room: rtc.Room) -> None:
        self.room = room
        self.recorded: list[Samples] = []
        self.loud_at = 0.0
        self.spoke_at = 0.0
        """When the latest speech begins to leave."""
        self._microphone = rtc.AudioSource(RATE, 1, queue_size_ms=200)
        self._speech: asyncio.Queue[Samples] = asyncio.Queue(4)
        self._tasks: set[asyncio.Task[None]] = set()
        room.on("track_subscribed", self._on_track)

    async def publish(self) -> None:
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._microphone)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        self._tasks.add(asyncio.create_task(self._transmit()))

    async def say(self, samples: Samples) -> None:
        await self._speech.put(samples)
        await self._speech.join()

    async def spoken_to(self, within_s: float) -> Samples:
        """What the agent says until it has been quiet for a while."""
        begun, before = time.monotonic(), len(self.recorded)
        async with asyncio.timeout(within_s):
            await self._until(lambda: self.loud_at > begun)
            await self._until(lambda: time.monotonic() - self.loud_at > _QUIET_S)
        return np.concatenate(self.recorded[before:])

    async def interrupts(self, samples: Samples, within_s: float) -> float:
        """Speak when the agent does; how long it goes on after the onset of that, seconds."""
        begun = time.monotonic()
        async with asyncio.timeout(within_s):
            await self._until(lambda: self.loud_at > begun)
            speaking = asyncio.create_task(self.say(samples))
            await self._until(lambda: self.spoke_at > begun)
            onset = self.spoke_at + onset_s(samples)
            await self._until(lambda: time.monotonic() > max(onset, self.loud_at) + _STOPPED_S)
            ended = self.loud_at
            await speaking
        return ended - onset

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Quiet is when nothing happens, so it can only be looked for."""
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()
        await self._microphone.aclose()

    async def _transmit(self) -> None:
        silence = np.zeros(_FRAME, np.int16)
        while True:
            await self._one(silence)
            if self._speech.empty():
                continue
            speech = self._speech.get_nowait()
            self.spoke_at = time.monotonic() + self._microphone.queued_duration
            for start in range(0, len(speech) - _FRAME, _FRAME):
                await self._one(speech[start : start + _FRAME])
            self._speech.task_done()

    async def _one(self, samples: Samples) -> None:
        """The microphone's own queue keeps the pace."""
        await self._microphone.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE, 1, _FRAME))

    def _on_track(self, track: rtc.Track, *_: object) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._tasks.add(asyncio.create_task(self._record(track)))

    async def _record(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream.from_track(track=track, sample_rate=RATE, num_channels=1)
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, np.int16)
                self.recorded.append(samples)
                if np.abs(samples.astype(np.int32)).max(initial=0) > _AUDIBLE:
                    self.loud_at = time.monotonic()
        finally:
            await stream.aclose()


@asynccontextmanager
async def joined() -> AsyncGenerator[Client, None]:
    """A client in a new room."""
    name = f"parley-test-{secrets.token_hex(4)}"
    token = (
        api.AccessToken(LIVEKIT["LIVEKIT_API_KEY"], LIVEKIT["LIVEKIT_API_SECRET"])
        .with_identity("caller")
        .with_grants(api.VideoGrants(room_join=True, room=name))
        .to_jwt()
    )
    client = Client(rtc.Room())
    try:
        await client.room.connect(LIVEKIT["LIVEKIT_URL"], token)
        await client.publish()
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def answered(log: Path, **settings: str) -> AsyncGenerator[Client, None]:
    """A client in a room of a worker with these settings."""
    with worker(log, **{**LIVEKIT, "LIVEKIT_AGENT_NAME": "", **settings}):
        wait_until(lambda: logged(log, "registered worker"), REGISTERS_WITHIN_S, "it registers")
        async with joined() as client:
            yield client


async def test_a_question_in_a_room_is_answered_aloud(
    stack: str, brief: str, question: Samples, ear: Ear, tmp_path: Path
) -> None:
    settings = {"OPENAI_BASE_URL": stack, "AGENT_PERSONA": brief}
    async with answered(tmp_path / "log", **settings) as client:
        greeting = await client.spoken_to(COMES_WITHIN_S)
        await client.say(question)
        answer = await client.spoken_to(ANSWERS_WITHIN_S)

    assert "hello" in ear(greeting)
    assert "recover from the flu in one to two weeks" in ear(answer)


async def test_a_caller_who_interrupts_in_a_room_is_listened_to_and_the_work_stops(
    stack: str, brief: str, question: Samples, remark: Samples, tmp_path: Path
) -> None:
    async with ChatCompletionsWire("qwen").serve() as model:
        model.answer = (Say(2 * ANSWER), Hang())
        settings = {"OPENAI_BASE_URL": stack, "LLM_BASE_URL": model.url, "AGENT_PERSONA": brief}
        async with answered(tmp_path / "log", **settings) as client:
            await client.spoken_to(COMES_WITHIN_S)
            await client.say(remark)
            silent_after_s = await client.interrupts(question, ANSWERS_WITHIN_S)
            await asyncio.wait_for(model.stopped.wait(), STOPPED_WITHIN_S)
        wait_until(lambda: not running_at(f"{stack}/tts"), STOPPED_WITHIN_S, "the speech stops")

    assert silent_after_s < INTERRUPTED_WITHIN_S + _WAY_S
