"""Engines that fail, clients that leave, servers that stop, and messages that mean nothing."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley_stt.realtime import session as session_module
from tests.serving import wait_until
from tests.stt.breakable import FREED_WITHIN_S, Stt, cpu_ticks, service
from tests.stt.realtime.talking import COMPLETED, FAILED, pcm_of, silence, talk
from tests.stt.recordings import JFK, WEATHER, WEATHER_TEXT

pytestmark = pytest.mark.anyio

QUESTION = silence(0.5) + pcm_of(WEATHER) + silence(0.8)


@pytest.fixture(scope="module")
def stt() -> Iterator[Stt]:
    with service(workers=1) as stt:
        yield stt


def sessions(stt: Stt) -> float:
    lines = stt.client.get("/metrics").text.splitlines()
    line = next(line for line in lines if line.startswith("parley_stt_realtime_sessions "))
    return float(line.split()[1])


def work_of(worker: int) -> int:
    """What a worker has done so far; nought when it is no more."""
    try:
        return cpu_ticks(worker)
    except (FileNotFoundError, ProcessLookupError):
        return 0


def is_idle(stt: Stt) -> bool:
    """Whether no worker does anything for a tenth of a second."""
    before = {worker: work_of(worker) for worker in stt.workers}
    try:
        wait_until(lambda: any(work_of(w) > done for w, done in before.items()), 0.1, "work")
    except AssertionError:
        return True
    return False


async def test_an_engine_that_fails_costs_one_item_and_not_the_session(stt: Stt) -> None:
    async with talk(f"{stt.url}/stt/v1") as session:
        await session.update(turn_detection=None)
        await session.say(pcm_of(JFK))
        await session.send("input_audio_buffer.commit")
        doomed = (await session.until("input_audio_buffer.committed"))["item_id"]
        os.kill(await asyncio.to_thread(stt.await_work), signal.SIGKILL)
        failed = await session.until(FAILED, COMPLETED, "error")
        await session.say(QUESTION)
        await session.send("input_audio_buffer.commit")
        completed = await session.until(COMPLETED, FAILED)

    assert (failed["type"], failed["item_id"]) == (FAILED, doomed)
    assert failed["error"]["code"] == "internal_error"
    assert completed["transcript"] == WEATHER_TEXT


async def test_an_engine_that_fails_while_somebody_speaks_fails_when_they_are_done(
    stt: Stt,
) -> None:
    async with talk(f"{stt.url}/stt/v1") as session:
        await session.update(turn_detection={"type": "server_vad", "silence_duration_ms": 3_000})
        await session.say(silence(0.3) + pcm_of(WEATHER))
        await session.until("input_audio_buffer.speech_started")
        for worker in stt.workers:
            os.kill(worker, signal.SIGKILL)
        await session.say(silence(3.2))
        ended = await session.until(FAILED, COMPLETED, "error")

        assert ended["type"] in (FAILED, COMPLETED)
        kinds = [event["type"] for event in session.events]
        assert kinds.index("conversation.item.done") < kinds.index(ended["type"])
        await session.still_works()


async def test_a_client_that_falls_mute_in_a_turn_gives_its_worker_back(
    stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_MUTE_S", 0.3)
    async with talk(f"{stt.url}/stt/v1") as session:
        await session.say(silence(0.5) + pcm_of(WEATHER))
        first = await session.until(COMPLETED, FAILED)
        others = await asyncio.to_thread(stt.transcribe, WEATHER.read_bytes())
        await session.say(QUESTION)
        second = await session.until(COMPLETED, FAILED)

    assert first["transcript"] == WEATHER_TEXT
    assert others.json()["text"] == WEATHER_TEXT
    assert second["transcript"] == WEATHER_TEXT


async def test_other_messages_do_not_keep_a_turn_open(
    stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_MUTE_S", 0.3)
    async with talk(f"{stt.url}/stt/v1") as session:
        await session.say(silence(0.5) + pcm_of(WEATHER))
        await session.until("input_audio_buffer.speech_started")
        async with asyncio.timeout(10):
            while not session.of("input_audio_buffer.speech_stopped"):
                await session.send("input_audio_buffer.append", audio="")
                await session.update()
        assert (await session.until(COMPLETED, FAILED))["transcript"] == WEATHER_TEXT


@pytest.mark.parametrize("turn_detection", [None, {"type": "server_vad"}])
async def test_a_client_that_hangs_up_stops_the_work(stt: Stt, turn_detection: Any) -> None:
    wait_until(lambda: len(stt.workers) == 1, 10, "a worker is there")
    async with talk(f"{stt.url}/stt/v1") as session:
        await session.update(turn_detection=turn_detection)
        await session.say(pcm_of(JFK))
        if turn_detection is None:
            await session.send("input_audio_buffer.commit")
        await asyncio.to_thread(stt.await_work)
        session.socket.transport.abort()

    wait_until(lambda: sessions(stt) == 0, FREED_WITHIN_S, "the session is over")
    wait_until(lambda: is_idle(stt), FREED_WITHIN_S, "nobody works for it")
    wait_until(lambda: len(stt.workers) == 1, 10, "a worker is there")
    assert stt.transcribe(WEATHER.read_bytes()).json()["text"] == WEATHER_TEXT


async def test_nothing_that_was_said_is_logged(
    stt_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with talk(stt_url) as session:
            await session.update(transcription={"prompt": "canary-in-a-prompt"})
            await session.say(QUESTION)
            await session.until(COMPLETED)
        wait_until(lambda: "session closed" in caplog.text, 2, "the session is logged")

    closed = next(r for r in caplog.records if r.message == "session closed")
    assert closed.__dict__["data"]["items"] == 1
    assert closed.__dict__["data"]["why"] == "client"
    assert "canary" not in caplog.text
    assert "weather" not in caplog.text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
types = st.sampled_from(
    [
        "session.update", "transcription_session.update", "input_audio_buffer.append",
        "input_audio_buffer.commit", "input_audio_buffer.clear", "response.create", "",
    ]
)  # fmt: skip
inputs = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from([{"type": "audio/pcmu"}, {"type": "audio/pcm"}, None, {}]),
        "turn_detection": st.sampled_from(
            [None, {"type": "server_vad", "threshold": 0}, {"type": "semantic_vad"}, {"type": 1}]
        ),
        "transcription": st.sampled_from([None, {}, {"model": "whisper-1"}, {"model": "no"}]),
        "noise_reduction": json_values,
    },
)
events = st.one_of(
    json_values,
    st.builds(lambda kind, rest: {**rest, "type": kind}, types, st.dictionaries(
        st.sampled_from(["session", "audio", "event_id"]), json_values
    )),
    st.builds(lambda given: {"type": "session.update", "session": {"audio": {"input": given}}},
              inputs),
    st.just({"type": "input_audio_buffer.append", "audio": "AAAA" * 1000}),
    st.just({"type": "input_audio_buffer.append", "audio": "fwCA/3//AIA=" * 200}),
)  # fmt: skip
messages = st.lists(
    events.map(json.dumps) | st.binary(max_size=50) | st.text(max_size=50), max_size=12
)


@pytest.fixture(scope="module")
def plain(stt_url: str) -> str:
    return stt_url


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(messages)
def test_no_messages_close_a_session_or_get_an_answer_that_is_not_valid(
    plain: str, messages: list[str | bytes]
) -> None:
    async def converse() -> None:
        async with talk(plain) as session:
            for message in messages:
                await session.socket.send(message)
            await session.send("ping", event_id="the last")
            await session.until_that(is_answered)

    asyncio.run(converse())


def is_answered(events: list[Any]) -> bool:
    return events[-1]["type"] == "error" and events[-1]["error"]["event_id"] == "the last"
