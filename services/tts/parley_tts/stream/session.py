"""One connection from its first event to its close: reads, obeys, and has utterances spoken."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from parley_kit import client_events
from parley_kit.errors import ApiError, InvalidRequest, NotReady
from parley_kit.sockets import (
    CLOSE_NORMAL,
    CLOSE_RESTART,
    CLOSE_TOO_BIG,
    Connection,
    Gone,
    size_of,
)
from parley_tts.stream import events, protocol
from parley_tts.stream.config import default_config, updated
from parley_tts.stream.events import Event, new_id
from parley_tts.stream.protocol import (
    Append,
    Cancel,
    ClientEvent,
    Close,
    Done,
    FlushText,
    Update,
)
from parley_tts.stream.speaker import House, Speaker
from parley_tts.stream.utterance import Utterance

_MAX_WAITING = 64


class _Closing(Exception):
    """The session ends, after an error event if there is a reason for that."""

    def __init__(self, code: int, by: str, words: str = "", why: ApiError | None = None) -> None:
        super().__init__(code, by, words, why)
        self.code, self.by, self.words, self.why = code, by, words, why


class Session:
    """See the module."""

    def __init__(self, connection: Connection, house: House, key_id: str) -> None:
        """
        Args:
            key_id: whose places of the engine it takes while it speaks.
        """
        self._connection = connection
        self._house = house
        self._settings = house.settings
        self._id = new_id("sess")
        self._config = default_config(house.engine)
        self._speaker = Speaker(house, key_id, self._say)
        self._open: Utterance | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._restarting = asyncio.Event()
        self.utterances = 0
        """How many there have been."""
        self.ended_by = "server"
        """`client`, the code of the error that closed it, or `server`: it stopped or failed."""

    def leave(self) -> None:
        """The service is about to end: close as soon as all text that has come is spoken."""
        self._restarting.set()

    async def run(self) -> None:
        """Serve until either side closes; returns when everything of the session has stopped."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._speaking = tasks.create_task(self._speaker.run(), name="speaker")
                tasks.create_task(self._leave_at_shutdown(), name="leave at shutdown")
                await self._read()
        except* Gone:
            self.ended_by = "client"
        except* _Closing as closing:
            await self._close(closing.exceptions[0])

    async def _close(self, closing: BaseException) -> None:
        assert isinstance(closing, _Closing)
        self.ended_by = closing.by
        try:
            if closing.why is not None:
                await self._say(events.error(closing.why, None))
            await self._connection.close(closing.code, closing.words)
        except Gone:
            return

    async def _read(self) -> None:
        """
        Raises:
            Gone, _Closing: always.
        """
        limit = self._settings.max_session_s
        try:
            async with asyncio.timeout(limit):
                await self._say(events.session("created", self._id, self._config))
                while True:
                    await self._take(await self._next())
        except TimeoutError:
            why = f"The session ends: it has reached its maximum of {limit:g} s."
            raise _ended(CLOSE_NORMAL, "session_expired", why) from None

    async def _next(self) -> str | bytes:
        """The next message; whoever sends none for long has to have something to listen to."""
        limit = self._settings.max_idle_s
        while True:
            try:
                async with asyncio.timeout(limit):
                    return await self._connection.receive()
            except TimeoutError:
                if not self._speaker.is_speaking:
                    why = f"The session ends: nothing came for {limit:g} s."
                    raise _ended(CLOSE_NORMAL, "session_idle", why) from None

    async def _take(self, raw: str | bytes) -> None:
        """One message; what is wrong with it is said, and the session goes on."""
        limit = self._settings.max_message_bytes
        if size_of(raw) > limit:
            why = f"The message is too large: at most {limit} bytes are allowed."
            raise _ended(CLOSE_TOO_BIG, "message_too_large", why)
        event_id = None
        try:
            data = client_events.decoded(raw)
            event_id = client_events.event_id_of(data)
            await self._obey(protocol.read(data))
        except ApiError as refusal:
            await self._say(events.error(refusal, event_id))

    async def _obey(self, event: ClientEvent) -> None:
        """
        Raises:
            ApiError: it cannot be done, and nothing has changed.
        """
        if self._leaving is not None and not isinstance(event, Cancel):
            raise InvalidRequest(
                "The session is closing: it obeys cancel alone.", code="session_closing"
            )
        match event:
            case Append(text):
                self._append(text)
            case FlushText():
                await self._flush()
            case Done():
                self._done()
            case Cancel():
                await self._cancel()
            case Update(patch):
                await self._update(patch)
            case Close():
                if self._open is not None:
                    self._done()
                self._leaving = self._tasks.create_task(self._leave(), name="leave")

    def _append(self, text: str) -> None:
        if not text:  # many models begin with a delta of nothing
            return
        utterance = self._open or Utterance(new_id("utt"), self._config.order)
        if utterance.has_failed:
            return
        most = self._settings.max_input_chars
        if utterance.length + len(text) > most:
            raise InvalidRequest(
                f"Invalid value for 'text': an utterance has at most {most} characters, and this "
                "would be too many; it is dropped.",
                param="text",
                code="string_above_max_length",
            )
        self._make_room(len(text))
        self._begin(utterance)
        utterance.append(text)

    def _begin(self, utterance: Utterance) -> None:
        """
        Raises:
            NotReady: the service is about to end, and the utterance is a new one.
        """
        if utterance is self._open:
            return
        if self._restarting.is_set():
            raise NotReady("The service is about to end: connect again.", retry_after_s=2)
        self._open = utterance
        self.utterances += 1
        self._speaker.submit(utterance)

    def _make_room(self, size: int) -> None:
        """
        Raises:
            InvalidRequest: there is too much that nobody has read.
        """
        waiting = self._speaker.waiting
        unread = sum(utterance.unread for utterance in waiting)
        most = self._settings.max_pending_chars
        if unread + size > most or (self._open is None and len(waiting) >= _MAX_WAITING):
            raise InvalidRequest(
                f"Too much is waiting to be spoken: at most {most} characters, and "
                f"{_MAX_WAITING} utterances, may; this is dropped.",
                code="input_text_buffer_full",
            )

    async def _flush(self) -> None:
        if self._open is None:
            await self._say(events.flushed(None))
        elif not self._open.has_failed:
            self._make_room(1)
            self._open.flush()

    def _done(self) -> None:
        """An utterance without text is one too: whoever waits for its end gets it."""
        if self._open is None:
            self._make_room(0)
        utterance = self._open or Utterance(new_id("utt"), self._config.order)
        self._begin(utterance)
        utterance.end()
        self._open = None

    async def _cancel(self) -> None:
        """
        Raises:
            _Closing: nothing else kept the session open.
        """
        if self._leaving is not None:
            self._leaving.cancel()
        self._speaking.cancel()
        await asyncio.wait([self._speaking])
        forgotten = self._speaker.forget()
        self._open = None
        self._speaking = self._tasks.create_task(self._speaker.run(), name="speaker")
        await self._say(events.cancelled([utterance.id for utterance in forgotten]))
        if self._leaving is not None:
            raise _Closing(CLOSE_NORMAL, "client")

    async def _update(self, patch: Mapping[str, Any]) -> None:
        if self._open is not None:
            raise InvalidRequest(
                "The session cannot change within an utterance: send input_text.done first.",
                param="session",
                code="utterance_open",
            )
        self._config = updated(self._config.given, patch, self._house.engine)
        await self._say(events.session("updated", self._id, self._config))

    async def _leave(self) -> None:
        """
        Raises:
            _Closing: always, after all has been spoken.
        """
        await self._speaker.idle()
        raise _Closing(CLOSE_NORMAL, "client")

    async def _leave_at_shutdown(self) -> NoReturn:
        """
        Raises:
            _Closing: always, after all that has come has been spoken.
        """
        await self._restarting.wait()
        await self._speaker.quiet()
        raise _Closing(CLOSE_RESTART, "server", "service restart")

    async def _say(self, event: Event) -> None:
        text = json.dumps({**event, "event_id": new_id("event")}, separators=(",", ":"))
        await self._connection.send_text(text)


def _ended(close_code: int, code: str, why: str) -> _Closing:
    return _Closing(close_code, code, code, InvalidRequest(why, code=code))
