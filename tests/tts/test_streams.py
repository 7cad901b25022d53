"""Streams, and what goes wrong in them: nobody waits for more than they need, nothing is cut short
in silence, and whoever hangs up frees their place."""

import json
from base64 import b64decode
from collections.abc import Iterator

import httpx2
import pytest

from tests.serving import error_of, open_request
from tests.tts.breakable import Tts, service
from tests.tts.sounds import FORMATS, decoded, seconds

SPEECH = "/audio/speech"
TWO_SENTENCES = "Hello there. Now wait for me."


@pytest.fixture
def tts() -> Iterator[Tts]:
    with service() as tts:
        yield tts


@pytest.fixture(scope="module")
def shared() -> Iterator[Tts]:
    """For what leaves nothing behind, and needs no gate."""
    with service() as tts:
        yield tts


@pytest.fixture
def narrow() -> Iterator[Tts]:
    """One at a time, and one who waits."""
    with service(max_concurrency=1, max_queue=1) as tts:
        yield tts


def events_of(text: str) -> list[dict[str, object]]:
    """The events of a whole stream; nothing but events may be in it."""
    blocks = text.split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def audio_in(events: list[dict[str, object]]) -> bytes:
    return b"".join(b64decode(str(event["audio"])) for event in events)


@pytest.mark.parametrize("form", FORMATS)
def test_the_first_audio_leaves_before_the_last_sentence_is_begun(tts: Tts, form: str) -> None:
    # Without being asked to, FLAC waits for its length.
    stream = True if form == "flac" else None
    text = "Hello there. Now wait for me. Goodbye."
    body = tts.body(text, response_format=form, stream=stream)
    with tts.client.stream("POST", SPEECH, json=body) as response:
        audio = response.iter_raw()
        first = next(audio)

        assert response.status_code == 200
        assert len(first) > 100
        assert "Goodbye." not in tts.synthesiser.begun
        tts.synthesiser.gate.set()
        rest = b"".join(audio)

    assert tts.synthesiser.begun[-1] == "Goodbye."
    assert seconds(decoded(first + rest, form)) > 2


def test_the_first_event_leaves_before_the_last_sentence_is_begun(tts: Tts) -> None:
    body = tts.body("Hello there. Now wait for me. Goodbye.", stream_format="sse")
    with tts.client.stream("POST", SPEECH, json=body) as response:
        lines = response.iter_lines()

        assert json.loads(next(lines).removeprefix("data: "))["type"] == "speech.audio.delta"
        assert "Goodbye." not in tts.synthesiser.begun
        tts.synthesiser.gate.set()
        assert [line for line in lines if line][-1].startswith('data: {"type":"speech.audio.done"')


def test_every_sentence_is_spoken_once_and_in_order(tts: Tts) -> None:
    colours, things = ("red", "green", "blue", "black", "white"), ("cat", "dog", "fish", "bird")
    text = " ".join(f"See a {colour} {thing}." for colour in colours for thing in things)
    assert tts.client.post(SPEECH, json=tts.body(text, speed=4)).status_code == 200

    assert len(tts.begun) == 20
    assert " ".join(tts.begun) == text


@pytest.mark.parametrize("form", FORMATS)
def test_events_carry_the_format_that_was_asked_for(shared: Tts, form: str) -> None:
    text = "The doctor will see you on Monday. Please bring your papers with you."
    plain = shared.client.post(SPEECH, json=shared.body(text, response_format=form))
    body = shared.body(text, response_format=form, stream_format="sse")
    streamed = shared.client.post(SPEECH, json=body)
    *deltas, done = events_of(streamed.text)

    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert len(deltas) > 1
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    heard, expected = decoded(audio_in(deltas), form), decoded(plain.content, form)
    assert heard.tobytes() == expected.tobytes()
    assert done["type"] == "speech.audio.done"


def test_no_line_of_events_is_too_long_for_common_readers(shared: Tts) -> None:
    body = shared.body("Very slow words. " * 10, speed=0.25, response_format="wav")
    text = shared.client.post(SPEECH, json=body | {"stream_format": "sse"}).text

    assert max(len(line) for line in text.splitlines()) < 64 << 10


def test_usage_counts_words_and_time(shared: Tts) -> None:
    body = shared.body("One two three. Four five.", response_format="pcm", stream_format="sse")
    *deltas, done = events_of(shared.client.post(SPEECH, json=body).text)
    spoken_s = seconds(decoded(audio_in(deltas), "pcm"))

    assert done["usage"] == {
        "input_tokens": 5,
        "output_tokens": round(spoken_s * 1250 / 60),
        "total_tokens": 5 + round(spoken_s * 1250 / 60),
    }


@pytest.mark.parametrize("stream_format", ["audio", "sse", "json"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_failure_before_the_first_sentence_is_an_answer(
    shared: Tts, form: str, stream_format: str
) -> None:
    body = shared.body("This will fail.", response_format=form, stream_format=stream_format)
    response = shared.client.post(SPEECH, json=body)

    assert response.status_code == 500
    assert error_of(response)["code"] == "internal_error"
    shared.await_load(running=0)


@pytest.mark.parametrize("form", FORMATS)
def test_a_failure_after_the_first_sentence_cuts_the_connection(shared: Tts, form: str) -> None:
    body = shared.body("Hello there. This will fail.", response_format=form, stream=True)
    with shared.client.stream("POST", SPEECH, json=body) as response:
        assert response.status_code == 200
        with pytest.raises(httpx2.RemoteProtocolError):
            response.read()

    shared.await_load(running=0)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("fields", [{"stream": False}, {"stream_format": "json"}], ids=str)
def test_what_is_sent_as_a_whole_is_never_sent_when_it_failed(
    shared: Tts, form: str, fields: dict[str, object]
) -> None:
    body = shared.body("Hello there. This will fail.", response_format=form, **fields)
    response = shared.client.post(SPEECH, json=body)

    assert response.status_code == 500
    assert error_of(response)["code"] == "internal_error"
    shared.await_load(running=0)


@pytest.mark.parametrize("form", FORMATS)
def test_a_failure_after_the_first_event_is_the_last_event(shared: Tts, form: str) -> None:
    body = shared.body("Hello there. This will fail.", response_format=form, stream_format="sse")
    *deltas, last = events_of(shared.client.post(SPEECH, json=body).text)

    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert last["error"] == {
        "message": "The server had an error while processing your request.",
        "type": "server_error",
        "param": None,
        "code": "internal_error",
    }
    shared.await_load(running=0)


def test_the_service_goes_on_after_a_failure(shared: Tts) -> None:
    shared.client.post(SPEECH, json=shared.body("This will fail."))

    assert shared.client.post(SPEECH, json=shared.body("This will not.")).status_code == 200


def test_a_deadline_before_the_first_sentence_is_an_answer(tts: Tts) -> None:
    headers = {"x-request-timeout": "0.2"}
    response = tts.client.post(SPEECH, json=tts.body("Now wait."), headers=headers)

    assert response.status_code == 504
    tts.await_load(running=0)


def test_a_deadline_after_the_first_sentence_cuts_the_connection(tts: Tts) -> None:
    headers = {"x-request-timeout": "0.2"}
    body = tts.body(TWO_SENTENCES)
    with tts.client.stream("POST", SPEECH, json=body, headers=headers) as response:
        assert response.status_code == 200
        with pytest.raises(httpx2.RemoteProtocolError):
            response.read()

    tts.await_load(running=0)


def test_a_deadline_after_the_first_event_is_the_last_event(tts: Tts) -> None:
    body, headers = tts.body(TWO_SENTENCES, stream_format="sse"), {"x-request-timeout": "0.2"}
    last = events_of(tts.client.post(SPEECH, json=body, headers=headers).text)[-1]

    assert isinstance(last["error"], dict)
    assert last["error"]["code"] == "deadline_exceeded"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"stream_format": "sse"},
        {"stream_format": "json"},
        {"stream": False},
        {"response_format": "wav"},
        {"response_format": "flac"},
    ],
    ids=str,
)
def test_a_caller_who_hangs_up_frees_the_place_within_a_sentence(
    narrow: Tts, fields: dict[str, object]
) -> None:
    body = narrow.body("Hello there. Now wait for me. Never say this.", **fields)
    with open_request(narrow.url, "POST /tts/v1/audio/speech", body):
        narrow.await_begun("Now wait for me.")
    narrow.await_load(running=0)

    narrow.synthesiser.gate.set()
    assert narrow.client.post(SPEECH, json=narrow.body("Next.")).status_code == 200
    assert narrow.synthesiser.begun[-2:] == ["Now wait for me.", "Next."]


def test_a_caller_who_hangs_up_while_waiting_leaves_the_queue(narrow: Tts) -> None:
    with open_request(narrow.url, "POST /tts/v1/audio/speech", narrow.body("Now wait.")):
        narrow.await_load(running=1)
        second = narrow.body("Never say this.")
        with open_request(narrow.url, "POST /tts/v1/audio/speech", second):
            narrow.await_load(running=1, queued=1)
        narrow.await_load(running=1)
    narrow.await_load(running=0)

    assert "Never say this." not in narrow.synthesiser.begun


def test_a_full_queue_refuses_at_once(narrow: Tts) -> None:
    path = "POST /tts/v1/audio/speech"
    with (
        open_request(narrow.url, path, narrow.body("Now wait.")),
        open_request(narrow.url, path, narrow.body("I queue.")),
    ):
        narrow.await_load(running=1, queued=1)
        refused = narrow.client.post(SPEECH, json=narrow.body("Too much."))

    assert refused.status_code == 503
    assert error_of(refused)["code"] == "overloaded"
    assert 1 <= int(refused.headers["retry-after"]) <= 30


def test_closing_in_the_midst_of_a_speech_ends_it() -> None:
    with service() as tts:
        connection = open_request(tts.url, "POST /tts/v1/audio/speech", tts.body("Now wait."))
        tts.await_load(running=1)
        tts.synthesiser.gate.set()
        with connection:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


def test_what_the_engine_costs_is_measured(tts: Tts) -> None:
    spoken = tts.client.post(SPEECH, json=tts.body("Hello there.", response_format="pcm"))
    metrics = httpx2.get(f"{tts.url}/metrics").text
    values = dict(line.split() for line in metrics.splitlines() if line.startswith("parley_tts"))

    assert float(values["parley_tts_synthesis_seconds_count"]) == 1
    assert float(values["parley_tts_rtf_count"]) == 1
    audio_s = float(values["parley_tts_audio_seconds_total"])
    assert audio_s == pytest.approx(seconds(decoded(spoken.content, "pcm")), abs=0.01)
    rtf = float(values["parley_tts_synthesis_seconds_sum"]) / audio_s
    assert float(values["parley_tts_rtf_sum"]) == pytest.approx(rtf)
