"""One connection from its first event to its close: reads, has events obeyed, and sends."""

import asyncio
import json
from typing import NoReturn

from parley_kit import client_events
from parley_kit.errors import ApiError, InvalidRequest
from parley_kit.sockets import (
    CLOSE_NORMAL,
    CLOSE_RESTART,
    CLOSE_TOO_BIG,
    Connection,
    Gone,
    size_of,
)
from parley_stt.realtime import events, protocol
from parley_stt.realtime.conversation import Conversation, House
from parley_stt.realtime.events import Event, new_id
from parley_stt.realtime.protocol import Dialect
from parley_stt.realtime.transcriber import Transcriber

# An open turn keeps a worker of the engine, which nobody may do without speaking.
_MUTE_S = 3.0
_RESTART = "service restart"


class _Closing(Exception):
    """The session ends, after an error event if there is a reason for that."""

    def __init__(self, code: int, words: str, why: ApiError | None = None) -> None:
        super().__init__(code, words, why)
        self.code, self.words, self.why = code, words, why


class Session:
    """See the module."""

    def __init__(self, connection: Connection, house: House, model: str, dialect: Dialect) -> None:
        """
        Args:
            model: transcribes until the client names another.
            dialect: in which it is greeted.
        """
        self._connection = connection
        self._settings = house.settings
        self._transcriber = Transcriber(
            house.engine, self._say, house.metrics, house.settings.request_timeout_s
        )
        self._conversation = Conversation(house, self._transcriber, self._say, model, dialect)
        self._obeying = asyncio.Lock()
        self._leaving = asyncio.Event()
        self.ended_by = "server"
        """`client`, the code of the error that closed it, or `server`: it stopped or failed."""

    @property
    def items(self) -> int:
        """How many items there have been."""
        return self._conversation.items

    def leave(self) -> None:
        """The service is about to end: close as soon as what is being said is transcribed."""
        self._leaving.set()

    async def run(self) -> None:
        """Serve until either side closes; returns when everything of the session has stopped."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._transcriber.run(), name="transcriber")
                tasks.create_task(self._leave(), name="leave at shutdown")
                await self._read()
        except* Gone:
            self.ended_by = "client"
        except* _Closing as closing:
            await self._close(closing.exceptions[0])

    async def _close(self, closing: BaseException) -> None:
        assert isinstance(closing, _Closing)
        try:
            if closing.why is not None:
                self.ended_by = closing.words
                await self._say(events.error(closing.why, None))
            await self._connection.close(closing.code, closing.words)
        except Gone:
            return

    async def _leave(self) -> NoReturn:
        """
        Raises:
            _Closing: always, when nobody speaks and all that was said is transcribed.
        """
        await self._leaving.wait()
        while True:
            await self._transcriber.idle()
            async with self._obeying:
                if self._transcriber.is_idle:
                    raise _Closing(CLOSE_RESTART, _RESTART)

    async def _read(self) -> NoReturn:
        """
        Raises:
            Gone, _Closing: always.
        """
        limit = self._settings.max_session_s
        try:
            async with asyncio.timeout(limit):
                await self._conversation.greet()
                while True:
                    raw = await self._next()
                    async with self._obeying:
                        await self._take(raw)
        except TimeoutError:
            raise _ended(
                CLOSE_NORMAL,
                "session_expired",
                f"The session has reached its maximum of {limit:g} s.",
            ) from None

    async def _next(self) -> str | bytes:
        """The next message; an open turn ends when no audio has come for a while."""
        conversation = self._conversation
        while (turn := conversation.turn) is not None:
            try:
                async with asyncio.timeout_at(conversation.heard_at + _MUTE_S):
                    return await self._connection.receive()
            except TimeoutError:
                await conversation.end_turn(turn)
        return await self._connection.receive()

    async def _take(self, raw: str | bytes) -> None:
        """One message; what is wrong with it is said, and the session goes on."""
        limit = self._settings.max_message_bytes
        if size_of(raw) > limit:
            raise _ended(
                CLOSE_TOO_BIG,
                "message_too_large",
                f"The message is too large: at most {limit} bytes are allowed.",
            )
        event_id = None
        try:
            data = protocol.decode(raw)
            event_id = client_events.event_id_of(data)
            await self._conversation.obey(protocol.read(data))
        except ApiError as refusal:
            await self._say(events.error(refusal, event_id))

    async def _say(self, event: Event) -> None:
        text = json.dumps({**event, "event_id": new_id("event")}, separators=(",", ":"))
        await self._connection.send_text(text)


def _ended(close_code: int, code: str, why: str) -> _Closing:
    return _Closing(close_code, code, InvalidRequest(why, code=code))
