"""Text in while it is written, speech out while it is made."""

import io
from collections.abc import Iterator

import av
import httpx2
import pytest

from parley_tts.app import create_app
from parley_tts.settings import TtsSettings
from tests.serving import serve, wait_until
from tests.tts.breakable import Tts, service
from tests.tts.stream.streaming_client import DELTA, DONE, WORDS, audio_of, stream, words_of

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


async def test_a_flush_speaks_what_is_not_finished(url: str) -> None:
    async with stream(url) as session:
        await session.append("Good mor", "ning")
        await session.send("input_text.flush")
        flushed = await session.until("speech.flushed")
        heard = session.audio()
        await session.append(" to you all.")
        await session.send("input_text.done")
        done = await session.until(DONE)

        assert heard
        assert flushed["utterance_id"] == done["utterance_id"]
        assert len(session.audio()) > len(heard)


async def test_each_flush_is_answered(url: str) -> None:
    async with stream(url) as session:
        await session.send("input_text.flush")
        assert (await session.next())["utterance_id"] is None
        await session.append(" ")
        for _ in range(2):
            await session.send("input_text.flush")
        for _ in range(2):
            assert (await session.next())["type"] == "speech.flushed"


async def test_who_pauses_is_heard_as_far_as_they_came(url: str) -> None:
    async with stream(url) as session:
        await session.append("Let me see. One")
        await session.until(DELTA)


async def test_utterances_are_spoken_in_order(url: str) -> None:
    async with stream(url) as session:
        for text in ("One, two, three.", "Four.", "Five and six."):
            await session.append(text)
            await session.send("input_text.done")
        done = [await session.until(DONE) for _ in range(3)]

        heard = [event["utterance_id"] for event in session.events if event["type"] == DELTA]
        ids = [event["utterance_id"] for event in done]
        assert len(set(ids)) == 3
        assert list(dict.fromkeys(heard)) == ids
        assert [event["usage"]["input_tokens"] for event in done] == [3, 1, 3]


@pytest.mark.parametrize("texts", [[], [""], [" \n"]])
async def test_an_utterance_without_words_ends_too(url: str, texts: list[str]) -> None:
    async with stream(url) as session:
        await session.append(*texts)
        await session.send("input_text.done")
        done = await session.until(DONE)

        assert done["duration"] == 0
        assert session.audio() == b""


async def test_words_have_their_places_in_the_text_of_all_deltas(url: str) -> None:
    text = "Well now, this is the first part. And $5 more?"
    async with stream(url) as session:
        await session.update(word_timestamps=True)
        await session.append(*text[:34])
        await session.send("input_text.flush")
        await session.append(*text[34:])
        await session.send("input_text.done")
        done = await session.until(DONE)

        words = words_of(session.events)
        assert [word["word"] for word in words] == [
            "Well", "now", "this", "is", "the", "first", "part", "And", "$5", "more",
        ]  # fmt: skip
        assert all(text[slice(*word["span"])] == word["word"] for word in words)
        starts = [word["start"] for word in words]
        assert starts == sorted(starts)
        assert words[-1]["end"] <= done["duration"]


async def test_words_are_not_sent_to_who_does_not_ask(url: str) -> None:
    async with stream(url) as session:
        await session.say(SENTENCE)
        assert WORDS not in [event["type"] for event in session.events]


@pytest.mark.parametrize("name", ["mp3", "opus", "aac"])
async def test_the_deltas_of_an_utterance_are_one_file(url: str, name: str) -> None:
    async with stream(url) as session:
        await session.update(response_format=name)
        for _ in range(2):
            events = await session.say(SENTENCE)
            with av.open(io.BytesIO(audio_of(events))) as file:
                seconds = sum(f.samples / f.sample_rate for f in file.decode(audio=0))
            assert seconds == pytest.approx(events[-1]["duration"], abs=0.15)


async def test_settings_hold_for_the_utterances_to_come(url: str) -> None:
    async with stream(url) as session:
        usual = (await session.say(SENTENCE))[-1]["duration"]
        answer = await session.update(speed=2, sample_rate=16_000, model="tts-1")
        fast = await session.say(SENTENCE)
        await session.update(speed=None)
        again = (await session.say(SENTENCE))[-1]["duration"]

        assert answer["session"]["speed"] == 2
        assert answer["session"]["sample_rate"] == 16_000
        assert answer["session"]["model"] == "tts-1"
        assert fast[-1]["duration"] == pytest.approx(usual / 2, rel=0.2)
        assert len(audio_of(fast)) / 32_000 == pytest.approx(fast[-1]["duration"], abs=0.001)
        assert again == pytest.approx(usual, rel=0.05)


async def test_pauses_are_silence(url: str) -> None:
    async with stream(url) as session:
        without = (await session.say("One. Two."))[-1]["duration"]
        with_pause = (await session.say("One. [pause:2s] Two."))[-1]["duration"]
        assert with_pause - without == pytest.approx(2, abs=0.5)


async def test_a_cancel_stops_at_once_and_the_next_utterance_is_spoken(tts: Tts) -> None:
    async with stream(f"{tts.url}/tts/v1") as session:
        await session.append("Good morning to you all. Please wait here. Then go.")
        await session.send("input_text.done")
        await session.append("This will never be said.")
        await session.until(DELTA)
        tts.await_begun("Please wait here.")
        await session.send("cancel")
        cancelled = await session.until("speech.cancelled")
        tts.await_load(running=0)
        tts.synthesiser.gate.set()
        events = await session.say("A new beginning.")

        assert len(cancelled["utterance_ids"]) == 2
        assert events[-1]["utterance_id"] not in cancelled["utterance_ids"]
        assert {e.get("utterance_id") for e in events if e["type"] == DELTA} == {
            events[-1]["utterance_id"]
        }
        assert "This will never be said." not in tts.begun


async def test_a_cancel_of_nothing_is_answered(url: str) -> None:
    async with stream(url) as session:
        await session.send("cancel")
        assert (await session.until("speech.cancelled"))["utterance_ids"] == []


async def test_a_close_lets_everything_be_spoken(url: str) -> None:
    async with stream(url) as session:
        await session.append(SENTENCE)
        await session.send("close")
        done = await session.until(DONE)
        await session.socket.wait_closed()

        assert done["duration"] > 1
        assert session.socket.close_code == 1000


async def test_a_cancel_after_close_ends_the_session(url: str) -> None:
    async with stream(url) as session:
        await session.append(SENTENCE * 20)
        await session.send("close")
        await session.until("speech.audio.delta")
        await session.send("cancel")
        await session.until("speech.cancelled")
        await session.socket.wait_closed()

        assert session.socket.close_code == 1000


async def test_nothing_but_cancel_is_obeyed_after_close(url: str) -> None:
    async with stream(url) as session:
        await session.append(SENTENCE)
        await session.send("close")
        await session.append("And this.")

        assert (await session.until("error"))["error"]["code"] == "session_closing"


async def test_a_delta_of_nothing_begins_no_utterance(url: str) -> None:
    async with stream(url) as session:
        await session.append("")
        await session.send("session.update", session={"speed": 2})

        await session.until("session.updated")


async def test_an_open_utterance_takes_no_place_while_nothing_is_spoken(tts: Tts) -> None:
    async with stream(f"{tts.url}/tts/v1") as session:
        tts.await_load(running=0)
        await session.append("Please wait here.")
        await session.send("input_text.flush")
        tts.await_begun("Please wait here.")
        tts.await_load(running=1)
        tts.synthesiser.gate.set()
        await session.until("speech.flushed")
        tts.await_load(running=0)
        await session.append(" And on.")
        await session.send("input_text.done")
        await session.until(DONE)


async def test_who_hangs_up_frees_the_place(tts: Tts) -> None:
    async with stream(f"{tts.url}/tts/v1") as session:
        await session.append("Please wait here. Never say this.")
        await session.send("input_text.done")
        tts.await_begun("Please wait here.")
        tts.await_load(running=1)
    tts.await_load(running=0)
    tts.synthesiser.gate.set()

    assert tts.client.post("/audio/speech", json=tts.body("Next, please.")).status_code == 200
    assert "Never say this." not in tts.begun


async def test_what_the_engine_cannot_speak_ends_the_utterance_only(tts: Tts) -> None:
    async with stream(f"{tts.url}/tts/v1") as session:
        await session.append("Good morning to you all. This will fail. And more text.")
        error = await session.until("error")
        await session.append(" That nobody hears.")
        await session.send("input_text.flush")
        await session.send("input_text.done")
        events = await session.say("A new beginning.")

        assert error["error"]["code"] == "internal_error"
        assert error["utterance_id"] is not None
        assert events[0]["utterance_id"] != error["utterance_id"]


async def test_a_full_engine_ends_the_utterance_only() -> None:
    with service(max_concurrency=1, max_queue=0) as tts:
        async with stream(f"{tts.url}/tts/v1") as one, stream(f"{tts.url}/tts/v1") as other:
            await one.append("Please wait here. ")
            await one.send("input_text.done")
            tts.await_load(running=1)
            await other.append("Good morning. ")
            await other.send("input_text.done")
            error = await other.until("error")
            tts.synthesiser.gate.set()
            await one.until(DONE)
            await other.say("Good morning.")

    assert error["error"]["code"] == "overloaded"
    assert error["utterance_id"] is not None


async def test_who_does_not_read_keeps_the_engine_waiting_and_loses_the_place() -> None:
    sentences = ["It takes a while."] * 150
    with service(request_timeout_s=2) as tts:
        async with stream(f"{tts.url}/tts/v1", max_queue=1, close_timeout=0.1) as session:
            await session.update(speed=0.25, sample_rate=48_000)
            await session.append(" ".join(sentences))
            await session.send("input_text.done")
            tts.await_begun(sentences[0])
            tts.await_load(running=1)
            wait_until(lambda: not tts.app.admission.load.running, 15, "the deadline")

        assert len(tts.begun) < len(sentences)


async def test_an_operator_sees_how_utterances_end_and_when_they_are_first_heard(tts: Tts) -> None:
    async with stream(f"{tts.url}/tts/v1") as session:
        await session.say("Good morning.")
        await session.append("This will fail.")
        await session.send("input_text.done")
        await session.until("error")
        await session.append("Please wait here.")
        await session.send("cancel")
        await session.until("speech.cancelled")
    tts.synthesiser.gate.set()
    metrics = tts.app.metrics.render().decode()

    for outcome in ("done", "failed", "cancelled"):
        assert f'parley_tts_stream_utterances_total{{outcome="{outcome}"}} 1.0' in metrics
    assert "parley_tts_stream_first_audio_seconds_count 1.0" in metrics
