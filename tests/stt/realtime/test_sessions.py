"""Speech in, words out: whole sessions with the embedded engine on recordings of people."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai._models import validate_type
from openai.types.realtime import RealtimeServerEvent

from tests.stt.realtime.talking import (
    COMPLETED,
    DELTA,
    FAILED,
    RATE,
    TRANSCRIPTION,
    encoded,
    pcm_of,
    silence,
    talk,
)
from tests.stt.recordings import JFK, WEATHER, WEATHER_TEXT

pytestmark = pytest.mark.anyio

QUESTION = silence(0.5) + pcm_of(WEATHER) + silence(0.8)


async def test_the_python_sdk_hears_a_question(stt_url: str) -> None:
    async with (
        AsyncOpenAI(base_url=stt_url, api_key="any") as sdk,
        sdk.realtime.connect(model="whisper-1", extra_query={"intent": "transcription"}) as session,
    ):
        heard: list[Any] = []
        await session.session.update(
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24_000},
                        "transcription": {"model": "gpt-4o-mini-transcribe", "language": "en"},
                        "turn_detection": {"type": "server_vad", "silence_duration_ms": 400},
                    }
                },
            }
        )
        audio = base64.b64encode(QUESTION).decode()
        await session.input_audio_buffer.append(audio=audio)
        async with asyncio.timeout(20):
            async for event in session:
                validate_type(type_=RealtimeServerEvent, value=event.to_dict())
                heard.append(event)
                if event.type == COMPLETED:
                    break

    assert [event.type for event in heard if event.type != DELTA] == [
        "session.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        COMPLETED,
    ]
    completed = heard[-1]
    assert completed.transcript == WEATHER_TEXT
    assert completed.usage.type == "duration"
    assert "".join(event.delta for event in heard if event.type == DELTA) == WEATHER_TEXT


async def test_a_turn_is_where_the_speech_is(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.say(QUESTION)
        started = await session.until("input_audio_buffer.speech_started")
        stopped = await session.until("input_audio_buffer.speech_stopped")
        completed = await session.until(COMPLETED)

    # The recording begins after 500 ms and is 1868 long; the speaker takes 430 of it to breathe.
    assert started["audio_start_ms"] == pytest.approx(500 + 430 - 300, abs=80)
    assert stopped["audio_end_ms"] == pytest.approx(500 + 1868 + 500, abs=150)
    seconds = (stopped["audio_end_ms"] - started["audio_start_ms"]) / 1000
    assert completed["usage"] == {"type": "duration", "seconds": pytest.approx(seconds, abs=0.002)}
    assert completed["languages"] == [{"code": "en"}]


async def test_several_turns_come_in_order_and_know_the_one_before(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.say(QUESTION * 3)
        await session.until_that(lambda _: len(session.of(COMPLETED)) == 3)

    items = [event["item_id"] for event in session.of(COMPLETED)]
    assert len(set(items)) == 3
    assert {event["transcript"] for event in session.of(COMPLETED)} == {WEATHER_TEXT}
    for kind in (
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ):
        assert [event["previous_item_id"] for event in session.of(kind)] == [None, *items[:2]]
    for item in items:
        assert session.said(item) == WEATHER_TEXT


async def test_deltas_come_while_somebody_speaks(stt_url: str) -> None:
    """At the speed of speech, because the engine has to be faster than that."""
    speech = pcm_of(JFK)
    async with talk(stt_url) as session:
        await session.update(turn_detection={"type": "server_vad", "silence_duration_ms": 2_000})
        speaking = asyncio.create_task(at_the_speed_of_speech(session, speech))
        await session.until(DELTA)
        stopped = bool(session.of("input_audio_buffer.speech_stopped"))
        speaking.cancel()

    assert not stopped
    assert (
        session.of(DELTA)[0]["item_id"]
        == (session.of("input_audio_buffer.speech_started")[0]["item_id"])
    )


async def at_the_speed_of_speech(session: Any, speech: bytes) -> None:
    loop = asyncio.get_running_loop()
    began, frame = loop.time(), 2 * RATE // 20
    for sent in range(0, len(speech), frame):
        await session.say(speech[sent : sent + frame])
        await asyncio.sleep(began + sent / (2 * RATE) - loop.time())


async def test_a_client_that_detects_turns_itself_commits(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.update(transcription={"model": "whisper-1"}, turn_detection=None)
        for _ in range(2):
            await session.say(QUESTION)
            await session.send("input_audio_buffer.commit")
        await session.until_that(lambda _: len(session.of(COMPLETED)) == 2)

    assert [event["transcript"] for event in session.of(COMPLETED)] == [WEATHER_TEXT] * 2
    assert session.of(COMPLETED)[0]["usage"]["seconds"] == pytest.approx(
        len(QUESTION) / 2 / RATE, abs=0.001
    )
    assert not session.of("input_audio_buffer.speech_started")
    first, second = session.of("input_audio_buffer.committed")
    assert second["previous_item_id"] == first["item_id"]
    assert session.said(first["item_id"]) == WEATHER_TEXT


async def test_committed_silence_is_an_empty_transcript(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.update(turn_detection=None)
        await session.say(silence(0.1))
        await session.send("input_audio_buffer.commit")

        assert (await session.until(COMPLETED, FAILED, "error"))["transcript"] == ""


async def test_a_commit_in_the_middle_of_a_turn_ends_it(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.say(silence(0.5) + pcm_of(WEATHER)[: 2 * RATE])
        started = await session.until("input_audio_buffer.speech_started")
        await session.send("input_audio_buffer.commit")
        completed = await session.until(COMPLETED)

    assert completed["item_id"] == started["item_id"]
    assert session.of("input_audio_buffer.speech_stopped")[0]["item_id"] == started["item_id"]
    assert completed["transcript"]


async def test_what_is_cleared_is_never_an_item(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.say(silence(0.5) + pcm_of(WEATHER))
        cleared = (await session.until("input_audio_buffer.speech_started"))["item_id"]
        await session.send("input_audio_buffer.clear")
        await session.until("input_audio_buffer.cleared")
        await session.say(QUESTION)
        completed = await session.until(COMPLETED)

    assert completed["item_id"] != cleared
    assert completed["transcript"] == WEATHER_TEXT
    assert len(session.of("input_audio_buffer.committed")) == 1


async def test_nothing_is_left_of_a_cleared_buffer(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.update(turn_detection=None)
        await session.say(QUESTION)
        await session.send("input_audio_buffer.clear")
        await session.say(silence(0.05))
        await session.send("input_audio_buffer.commit")

        error = (await session.until("error"))["error"]
    assert error["code"] == "input_audio_buffer_commit_empty"


@pytest.mark.parametrize(("codec", "type"), [("pcm_mulaw", "pcmu"), ("pcm_alaw", "pcma")])
async def test_a_telephone_is_heard(stt_url: str, codec: str, type: str) -> None:
    quiet = {"pcmu": b"\xff", "pcma": b"\xd5"}[type] * 6000
    async with talk(stt_url) as session:
        await session.update(format={"type": f"audio/{type}"})
        await session.say(quiet + encoded(WEATHER, codec) + quiet, chunk=160)
        completed = await session.until(COMPLETED)

    # Half of the band that the engine's model was trained on: it hears less.
    assert "paris" in completed["transcript"]


@pytest.mark.parametrize("rate", [8_000, 16_000])
async def test_other_rates_of_pcm_are_heard_too(stt_url: str, rate: int) -> None:
    async with talk(stt_url) as session:
        await session.send(
            "session.update",
            session={"audio": {"input": {"format": {"type": "audio/pcm", "rate": rate}}}},
        )
        # OpenAI's own types know no other rate than 24 kHz.
        told = json.loads(await session.socket.recv())["session"]["audio"]["input"]["format"]
        await session.say(silence(0.5, rate) + pcm_of(WEATHER, rate) + silence(0.8, rate))
        completed = await session.until(COMPLETED)

    assert told == {"type": "audio/pcm", "rate": rate}
    assert "weather" in completed["transcript"]


async def test_a_turn_without_end_is_cut_and_loses_nothing(stt_url: str) -> None:
    """40 s in which every pause is shorter than what would end the turn."""
    async with talk(stt_url) as session:
        await session.update(turn_detection={"threshold": 0, "silence_duration_ms": 10_000})
        await session.say(silence(40), chunk=96_000)
        await session.until(COMPLETED)
        await session.send("input_audio_buffer.commit")
        await session.until(COMPLETED)

    first, second = session.of("input_audio_buffer.speech_stopped")
    starts = session.of("input_audio_buffer.speech_started")
    assert first["audio_end_ms"] == starts[1]["audio_start_ms"] == pytest.approx(30_000, abs=32)
    assert second["audio_end_ms"] == pytest.approx(40_000, abs=40)


async def test_an_update_in_the_middle_of_a_turn_does_not_disturb_it(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.say(silence(0.5) + pcm_of(WEATHER)[: 2 * RATE])
        await session.until("input_audio_buffer.speech_started")
        await session.update(
            transcription={"prompt": "The weather."},
            turn_detection={"type": "server_vad", "prefix_padding_ms": 600},
        )
        await session.say(pcm_of(WEATHER)[2 * RATE :] + silence(0.8))

        assert (await session.until(COMPLETED))["transcript"] == WEATHER_TEXT


async def test_turns_are_found_in_what_came_before_they_were_asked_for(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.update(turn_detection=None)
        await session.say(QUESTION)
        await session.update(turn_detection={"type": "server_vad"})

        assert (await session.until(COMPLETED))["transcript"] == WEATHER_TEXT


async def test_detecting_no_turns_any_more_ends_the_open_one(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.say(silence(0.5) + pcm_of(WEATHER))
        await session.until("input_audio_buffer.speech_started")
        await session.update(turn_detection=None)

        assert (await session.until(COMPLETED))["transcript"] == WEATHER_TEXT


async def test_without_transcription_there_are_items_and_no_words(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.update(transcription=None)
        await session.say(QUESTION)
        await session.until("conversation.item.done")
        await session.update(transcription={"model": "whisper-1"})
        await session.say(QUESTION)
        completed = await session.until(COMPLETED)

    assert completed["item_id"] == session.of("conversation.item.done")[1]["item"]["id"]
    assert len([event for event in session.events if TRANSCRIPTION in event["type"]]) == len(
        session.of(COMPLETED) + session.of(DELTA)
    )


async def test_logprobs_come_when_they_are_included(stt_url: str) -> None:
    async with talk(stt_url) as session:
        await session.send(
            "session.update", session={"include": ["item.input_audio_transcription.logprobs"]}
        )
        await session.say(QUESTION)
        completed = await session.until(COMPLETED)

    assert [prob["token"] for prob in completed["logprobs"]] == WEATHER_TEXT.split()


async def test_the_beta_is_answered_in_its_own_words(stt_url: str) -> None:
    async with talk(stt_url, additional_headers={"openai-beta": "realtime=v1"}) as session:
        assert session.events[0]["type"] == "transcription_session.created"
        await session.send(
            "transcription_session.update",
            session={
                "input_audio_format": "pcm16",
                "input_audio_transcription": {"model": "whisper-1", "language": "en"},
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 400},
            },
        )
        told = (await session.until("transcription_session.updated"))["session"]
        await session.say(QUESTION)
        completed = await session.until(COMPLETED)

    assert told["input_audio_format"] == "pcm16"
    assert told["input_audio_transcription"] == {"model": "whisper-1", "language": "en"}
    assert told["turn_detection"]["silence_duration_ms"] == 400
    assert completed["transcript"] == WEATHER_TEXT
    assert len(session.of("conversation.item.created")) == 1
    assert not session.of("conversation.item.added")


def test_the_example_of_the_documentation_prints_what_was_asked(
    stt_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs" / "realtime.md").read_text()
    example = page.partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(root)

    exec(example.replace("http://127.0.0.1:8000/stt/v1", stt_url), {})

    assert "how long" in capsys.readouterr().out.splitlines()[-1]
