"""The ear and the voice of `bench turn`, which take no time at all.

The ear hears that somebody speaks and not what. The voice is a tone, whose loudness tells what is
said: a phrase that was made beforehand, an answer of Gemini's or one of Qwen's.
"""

import base64
import json
import math
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from aiohttp import WSMsgType, web

RATE = 24_000
HEARD = "how long does it take to get better from the flu"
PHRASE, GEMINI, QWEN = 3_000, 9_000, 27_000
"""The peak of the tone."""

_HERTZ = 440
_CHARACTERS_PER_S = 15
_AUDIBLE = 600
_UPGRADE_REQUIRED = 426
Socket: TypeAlias = web.WebSocketResponse


def speech_app() -> web.Application:
    """STT with the Realtime route at `/stt/v1`, without it at `/batch/v1`; TTS at `/tts/v1`."""
    voice = Voice()
    app = web.Application()
    app.router.add_get("/stt/v1/realtime", _realtime)
    app.router.add_post("/batch/v1/audio/transcriptions", _transcribe)
    app.router.add_post("/tts/v1/audio/speech", _phrase)
    app.router.add_get("/tts/v1/audio/speech/stream", voice.stream)
    app.router.add_get("/said", voice.tell)
    return app


class Voice:
    """Speaks each word when it comes, and knows what it said."""

    def __init__(self) -> None:
        self._said: list[str] = []

    async def tell(self, request: web.Request) -> web.Response:
        """What was said since it was last asked, an utterance an entry."""
        said, self._said = self._said, []
        return web.json_response(said)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        if "upgrade" not in request.headers:
            return web.Response(status=_UPGRADE_REQUIRED)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        words = ""
        async for event in _events(socket):
            match event["type"]:
                case "input_text.append":
                    words += event["text"]
                    sound = tone(seconds_of(event["text"]), _loudness(words))
                    audio = base64.b64encode(sound).decode()
                    await socket.send_json({"type": "speech.audio.delta", "audio": audio})
                case "input_text.done":
                    self._said.append(words)
                    words = ""
                    await socket.send_json({"type": "speech.audio.done"})
        return socket


async def _phrase(request: web.Request) -> web.Response:
    """In one piece, as phrases are fetched before a call."""
    asked = await request.json()
    sound = tone(seconds_of(asked["input"]), PHRASE)
    return web.Response(body=sound, content_type="audio/pcm")


async def _transcribe(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response({"text": HEARD, "language": "english", "duration": 1.0})


async def _realtime(request: web.Request) -> web.StreamResponse:
    if "upgrade" not in request.headers:
        return web.Response(status=_UPGRADE_REQUIRED)
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    ear = Ear()
    async for event in _events(socket):
        match event["type"]:
            case "session.update":
                detection = event["session"]["audio"]["input"]["turn_detection"]
                ear.silence_s = detection["silence_duration_ms"] / 1e3
                await socket.send_json({"type": "session.updated", "session": event["session"]})
            case "input_audio_buffer.append":
                for told in ear.push(base64.b64decode(event["audio"])):
                    await socket.send_json(told)
    return socket


@dataclass(slots=True)
class Ear:
    """Hears speech begin and end, by its loudness alone."""

    silence_s: float = 0.25
    _silent_s: float = 0.0
    _speaks: bool = False
    _items: int = 0
    _told: list[dict[str, Any]] = field(default_factory=list)

    def push(self, pcm: bytes) -> list[dict[str, Any]]:
        """What is to be told after some more sound."""
        samples = np.frombuffer(pcm, "<i2")
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _AUDIBLE)
        self._told = []
        if len(loud):
            self._silent_s = (len(samples) - loud[-1]) / RATE
            self._begin()
        else:
            self._silent_s += len(samples) / RATE
            if self._speaks and self._silent_s >= self.silence_s:
                self._end()
        return self._told

    def _begin(self) -> None:
        if not self._speaks:
            self._speaks = True
            self._items += 1
            self._tell("input_audio_buffer.speech_started", audio_start_ms=0)

    def _end(self) -> None:
        self._speaks = False
        self._tell("input_audio_buffer.speech_stopped", audio_end_ms=0)
        usage = {"type": "duration", "seconds": 1}
        completed = "conversation.item.input_audio_transcription.completed"
        self._tell(completed, transcript=HEARD, content_index=0, usage=usage)

    def _tell(self, kind: str, **more: object) -> None:
        self._told.append({"type": kind, "item_id": f"item_{self._items}", **more})


async def _events(socket: Socket) -> AsyncGenerator[Mapping[str, Any], None]:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            yield json.loads(message.data)


def tone(seconds: float, peak: int) -> bytes:
    """Mono at `RATE`, 16 bits."""
    times = np.arange(math.ceil(seconds * RATE)) / RATE
    return bytes((peak * np.sin(2 * np.pi * _HERTZ * times)).astype("<i2"))


def seconds_of(text: str) -> float:
    """How long it takes to say it."""
    return len(text) / _CHARACTERS_PER_S


def _loudness(words: str) -> int:
    return GEMINI if words.startswith("Gemini") else QWEN if words.startswith("Qwen") else PHRASE
