"""A client of realtime sessions, strict about every event that it receives."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from openai._models import validate_type
from openai.types.realtime import RealtimeServerEvent
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

Event = dict[str, Any]

TRANSCRIPTION = "conversation.item.input_audio_transcription"
COMPLETED = f"{TRANSCRIPTION}.completed"
DELTA = f"{TRANSCRIPTION}.delta"
FAILED = f"{TRANSCRIPTION}.failed"
WITHIN_S = 20.0
RATE = 24_000

# Not in the SDK's union of today's events.
_BETA = {"transcription_session.created", "transcription_session.updated"}


def silence(seconds: float, rate: int = RATE) -> bytes:
    return bytes(2 * round(seconds * rate))


@cache
def pcm_of(recording: Path, rate: int = RATE) -> bytes:
    """s16le mono."""
    pcm = bytearray()
    resampler = av.AudioResampler("s16", "mono", rate)
    with av.open(str(recording)) as source:
        for frame in [*source.decode(audio=0), None]:
            for resampled in resampler.resample(frame):
                pcm += bytes(resampled.planes[0])[: resampled.samples * 2]
    return bytes(pcm)


def encoded(recording: Path, codec: str) -> bytes:
    """G.711 by somebody else's encoder."""
    samples = np.frombuffer(pcm_of(recording, 8_000), "<i2")
    encoder = av.CodecContext.create(codec, "w")
    encoder.format, encoder.layout, encoder.sample_rate = "s16", "mono", 8_000  # type: ignore[assignment]
    frame = av.AudioFrame.from_ndarray(samples[None].copy(), "s16", "mono")
    frame.sample_rate = 8_000
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


class Talk:
    """One session; keeps all events that have come."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[Event] = []

    async def send(self, kind: str, /, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def update(self, **of_input: object) -> Event:
        """Configure `session.audio.input`; the value is the answer."""
        await self.send(
            "session.update", session={"type": "transcription", "audio": {"input": of_input}}
        )
        return await self.until("session.updated", "error")

    async def say(self, audio: bytes, chunk: int = 4800) -> None:
        """Append audio in pieces of 100 ms, faster than anybody speaks."""
        for start in range(0, len(audio), chunk):
            piece = base64.b64encode(audio[start : start + chunk]).decode()
            await self.send("input_audio_buffer.append", audio=piece)

    async def receive(self) -> Event:
        async with asyncio.timeout(WITHIN_S):
            event: Event = json.loads(await self.socket.recv())
        assert event["event_id"].startswith("event_")
        if event["type"] not in _BETA:
            validate_type(type_=RealtimeServerEvent, value=event)
        self.events.append(event)
        return event

    async def until(self, *kinds: str) -> Event:
        """The next event of one of these types."""
        while True:
            event = await self.receive()
            if event["type"] in kinds:
                return event

    async def until_that(self, holds: Callable[[list[Event]], bool]) -> None:
        """Receive until something holds of all events."""
        while not holds(self.events):
            await self.receive()

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    def said(self, item_id: str) -> str:
        """The deltas of an item."""
        return "".join(event["delta"] for event in self.of(DELTA) if event["item_id"] == item_id)

    async def still_works(self) -> None:
        """The session answers."""
        assert (await self.update())["type"] == "session.updated"


@asynccontextmanager
async def talk(
    url: str,
    query: str = "intent=transcription",
    *,
    subprotocols: list[str] | None = None,
    **options: Any,
) -> AsyncIterator[Talk]:
    """Connect to the service whose API is at `http://…/stt/v1`."""
    offered = [Subprotocol(name) for name in subprotocols] if subprotocols else None
    address = f"{url.replace('http', 'ws', 1)}/realtime?{query}"
    async with connect(address, subprotocols=offered, max_size=None, **options) as socket:
        session = Talk(socket)
        await session.until("session.created", "transcription_session.created")
        yield session
