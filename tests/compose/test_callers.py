"""The running stack as its callers meet it, through the gateway."""

import asyncio
import base64
import io
import json
import socket
import time
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import httpx2
import pytest
from openai import OpenAI
from websockets.asyncio.client import connect

from tests.compose.conftest import KEY, OTHER_KEY, Stack
from tests.serving import error_of, wait_until

QUESTION = "How long does the flu last?"
SERVICES = ("stt", "tts", "llm", "ws-llm")
# The gateway's own limit is 8 s, and some for a machine that is busy.
CLOSED_WITHIN_S = 10.0 + 2.0


def sdk(stack: Stack, service: str) -> OpenAI:
    http = httpx2.Client(trust_env=False, timeout=30)
    return OpenAI(
        base_url=f"{stack.address}/{service}/v1", api_key=stack.key, max_retries=0, http_client=http
    )


def client(stack: Stack, key: str = "") -> httpx2.Client:
    headers = {"authorization": f"Bearer {key or stack.key}"}
    return httpx2.Client(base_url=stack.address, headers=headers, trust_env=False, timeout=30)


def spoken(stack: Stack, text: str) -> bytes:
    with sdk(stack, "tts") as tts:
        speech = tts.audio.speech.create(
            model="tts-1", voice="alloy", input=text, response_format="wav"
        )
        return speech.content


def test_a_question_is_spoken_heard_and_answered(stack: Stack) -> None:
    question = spoken(stack, QUESTION)
    with sdk(stack, "stt") as stt, sdk(stack, "llm") as llm:
        heard = stt.audio.transcriptions.create(model="whisper-1", file=("q.wav", question))
        answer = llm.chat.completions.create(
            model="qwen2-5-7b-instruct", messages=[{"role": "user", "content": heard.text}]
        )
    spoken_answer = spoken(stack, answer.choices[0].message.content or "")

    assert "flu last" in heard.text
    assert "flu" in (answer.choices[0].message.content or "")
    with wave.open(io.BytesIO(spoken_answer)) as audio:
        assert audio.getnframes() / audio.getframerate() > 2


def arrivals(stack: Stack, path: str, body: object) -> list[float]:
    """When each piece of a streamed answer came, in seconds after the first."""
    with client(stack) as http, http.stream("POST", path, json=body) as response:
        assert response.status_code == 200, response.read()
        times = [time.monotonic() for _ in response.iter_raw()]
    return [one - times[0] for one in times]


def test_tokens_come_as_they_are_made(stack: Stack) -> None:
    """The model is set to 50 tokens a second: what is held back comes all at once."""
    messages = [{"role": "user", "content": QUESTION}]
    body = {"model": "qwen2-5-7b-instruct", "messages": messages, "stream": True}

    times = arrivals(stack, "/llm/v1/chat/completions", body)

    assert times[-1] > 0.5
    assert len(times) > 10


def test_speech_comes_before_all_of_it_is_spoken(stack: Stack) -> None:
    sentences = " ".join(f"This is sentence number {number}." for number in range(60))
    body = {"model": "tts-1", "voice": "alloy", "input": sentences, "response_format": "pcm"}

    times = arrivals(stack, "/tts/v1/audio/speech", body)

    assert len(times) > 10
    assert times[-1] > 0.05


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"x-api-key": KEY}])
@pytest.mark.parametrize("service", SERVICES[:3])
def test_a_wrong_key_is_refused_in_the_envelope(
    stack: Stack, service: str, headers: dict[str, str]
) -> None:
    response = httpx2.get(f"{stack.address}/{service}/v1/models", headers=headers, trust_env=False)

    assert response.status_code == 401
    assert error_of(response)["code"] == "invalid_api_key"


def test_a_key_that_is_added_to_the_file_is_good_and_one_that_is_removed_is_not(
    stack: Stack,
) -> None:
    def status() -> int:
        with client(stack, OTHER_KEY) as http:
            return http.get("/llm/v1/models").status_code

    before = stack.keys_file.read_text()
    stack.keys_file.write_text(f"{before}{OTHER_KEY}\n")
    wait_until(lambda: status() == 200, 10, "the new key is good")
    stack.keys_file.write_text(before)
    wait_until(lambda: status() == 401, 10, "the old key is not")


@pytest.mark.parametrize(
    ("path", "megabytes"), [("stt/v1/audio/transcriptions", 27), ("tts/v1/audio/speech", 2)]
)
def test_too_large_a_body_is_refused_in_the_envelope(
    stack: Stack, path: str, megabytes: int
) -> None:
    with client(stack) as http:
        response = http.post(f"/{path}", content=bytes(megabytes << 20))

    assert response.status_code == 413
    error_of(response)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path", ["metrics", "status"])
def test_what_is_for_the_operator_is_not_reachable(stack: Stack, service: str, path: str) -> None:
    with client(stack) as http:
        response = http.get(f"/{service}/{path}")

    assert response.status_code == 404
    error_of(response)


def slowly(head: bytes, drip: bytes) -> Callable[[Stack], float]:
    """A client that begins a request and sends a byte a second; the value is when it was closed."""

    def attack(stack: Stack) -> float:
        host, port = stack.address.removeprefix("http://").split(":")
        started = time.monotonic()
        connection = socket.create_connection((host, int(port)), timeout=1)
        with closing(connection), suppress(ConnectionError):
            connection.sendall(head)
            while time.monotonic() - started < 2 * CLOSED_WITHIN_S:
                with suppress(TimeoutError):
                    if not connection.recv(4096):
                        break
                connection.sendall(drip)
        return time.monotonic() - started

    return attack


_UPGRADE = (
    b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

SLOW = {
    "nothing": slowly(b"", b""),
    "header": slowly(b"GET /llm/v1/models HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"a"),
    "body": slowly(
        b"POST /llm/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
        b"key-of-the-tests\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{",
        b" ",
    ),
    "upload": slowly(
        b"POST /stt/v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
        b"key-of-the-tests\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: 100000\r\n\r\n--b\r\n",
        b" ",
    ),
    "handshake with a body": slowly(
        b"POST /stt/v1/realtime HTTP/1.1\r\n" + _UPGRADE + b"Content-Length: 100000\r\n\r\n", b" "
    ),
    "socket without a key": slowly(b"GET /ws-llm/ws HTTP/1.1\r\n" + _UPGRADE + b"\r\n", b""),
}


async def serve_until(over: "asyncio.Future[list[float]]", stack: Stack) -> int:
    """How often somebody else was served in the meantime."""
    served = 0
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
        while not over.done():
            assert (await http.get(f"{stack.address}/livez")).status_code == 200
            served += 1
            await asyncio.sleep(0.1)
    return served


@pytest.mark.anyio
async def test_slow_clients_are_closed_while_others_are_served(stack: Stack) -> None:
    attacks = [attack for attack in SLOW.values() for _ in range(4)]
    with ThreadPoolExecutor(len(attacks)) as pool:
        loop = asyncio.get_running_loop()
        closing_all = asyncio.gather(
            *(loop.run_in_executor(pool, attack, stack) for attack in attacks)
        )
        served = await serve_until(closing_all, stack)
    assert max(await closing_all) < CLOSED_WITHIN_S
    assert served > 10


@pytest.mark.anyio
async def test_the_assistant_answers_over_a_websocket(stack: Stack) -> None:
    headers = {"authorization": f"Bearer {stack.key}"}
    address = f"{stack.address.replace('http', 'ws', 1)}/ws-llm/ws"
    replies = []
    async with (
        asyncio.timeout(30),
        connect(address, additional_headers=headers, proxy=None) as chat,
    ):
        question = {"role": "user", "content": QUESTION}
        await chat.send(json.dumps({"type": "chat", "messages": [question]}))
        async for message in chat:
            replies.append(json.loads(message))
            if replies[-1]["type"] in ("complete", "error"):
                break

    assert replies[-1]["type"] == "complete"
    assert "flu" in "".join(reply.get("content", "") for reply in replies)


@pytest.mark.anyio
async def test_speech_is_heard_over_a_realtime_socket(stack: Stack) -> None:
    with wave.open(io.BytesIO(spoken(stack, QUESTION))) as recording:
        rate, pcm = recording.getframerate(), recording.readframes(recording.getnframes())
    audio = {"input": {"format": {"type": "audio/pcm", "rate": rate}}}
    headers = {"authorization": f"Bearer {stack.key}"}
    address = f"{stack.address.replace('http', 'ws', 1)}/stt/v1/realtime?intent=transcription"
    async with (
        asyncio.timeout(30),
        connect(address, additional_headers=headers, proxy=None) as session,
    ):
        for event in (
            {"type": "session.update", "session": {"type": "transcription", "audio": audio}},
            {
                "type": "input_audio_buffer.append",
                "audio": base64.b64encode(pcm + bytes(2 * rate)).decode(),
            },
        ):
            await session.send(json.dumps(event))
        async for message in session:
            event = json.loads(message)
            assert event["type"] != "error", event
            if event["type"].endswith("transcription.completed"):
                break

    assert "flu last" in str(event["transcript"])


@pytest.mark.anyio
async def test_words_are_spoken_as_they_come_over_a_socket(stack: Stack) -> None:
    headers = {"authorization": f"Bearer {stack.key}"}
    address = f"{stack.address.replace('http', 'ws', 1)}/tts/v1/audio/speech/stream"
    pcm, first_while_writing = b"", False
    async with (
        asyncio.timeout(30),
        connect(address, additional_headers=headers, proxy=None) as session,
    ):
        for word in ("The flu lasts a week. ", "Drink a lot. ", "Rest. "):
            await session.send(json.dumps({"type": "input_text.append", "text": word}))
        is_complete = False
        async for message in session:
            event = json.loads(message)
            assert event["type"] != "error", event
            if event["type"] == "speech.audio.delta":
                first_while_writing |= not is_complete
                pcm += base64.b64decode(event["audio"])
                if not is_complete:
                    is_complete = True
                    await session.send(json.dumps({"type": "input_text.done"}))
            if event["type"] == "speech.audio.done":
                break

    assert first_while_writing
    assert len(pcm) / 2 / 24_000 > 1
