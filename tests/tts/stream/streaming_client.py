"""A client of text-in streams that keeps all it is told."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

Event = dict[str, Any]

DELTA = "speech.audio.delta"
WORDS = "speech.audio.words"
DONE = "speech.audio.done"
WITHIN_S = 20.0


class Stream:
    """One session."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[Event] = []

    async def send(self, kind: str, /, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def append(self, *texts: str) -> None:
        for text in texts:
            await self.send("input_text.append", text=text)

    async def say(self, text: str) -> list[Event]:
        """A whole utterance; the value is all that is told of it."""
        before = len(self.events)
        await self.append(text)
        await self.send("input_text.done")
        await self.until(DONE)
        return self.events[before:]

    async def update(self, **session: object) -> Event:
        """Configure the session; the value is the answer."""
        await self.send("session.update", session=session)
        return await self.until("session.updated", "error")

    async def next(self) -> Event:
        async with asyncio.timeout(WITHIN_S):
            event: Event = json.loads(await self.socket.recv())
        self.events.append(event)
        return event

    async def until(self, *kinds: str) -> Event:
        """The next event of one of these kinds; an error nobody waits for fails the test."""
        while (event := await self.next())["type"] not in kinds:
            assert event["type"] != "error", event
        return event

    def audio(self, wanted: Callable[[Event], bool] = lambda _: True) -> bytes:
        """The audio of all events that are wanted."""
        return audio_of([event for event in self.events if wanted(event)])


def audio_of(events: list[Event]) -> bytes:
    return b"".join(base64.b64decode(e["audio"]) for e in events if e["type"] == DELTA)


def words_of(events: list[Event]) -> list[Event]:
    return [word for event in events if event["type"] == WORDS for word in event["words"]]


@asynccontextmanager
async def stream(url: str, **options: Any) -> AsyncIterator[Stream]:
    """A session that has been greeted.

    Args:
        url: up to and with the version, `http://…/v1`.
    """
    address = f"{url.replace('http', 'ws', 1)}/audio/speech/stream"
    async with connect(address, proxy=None, open_timeout=WITHIN_S, **options) as socket:
        session = Stream(socket)
        greeting = await session.next()
        assert greeting["type"] == "session.created", greeting
        yield session
