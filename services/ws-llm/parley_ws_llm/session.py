"""One connection from its first message to its close: authenticates, then reads and dispatches."""

import asyncio
import logging
from typing import NoReturn

from parley_kit.auth import Authenticator
from parley_kit.errors import InvalidApiKey, RateLimited
from parley_kit.sockets import CLOSE_NORMAL, CLOSE_RESTART, CLOSE_TOO_BIG, Gone, size_of
from parley_kit.ws_protocol import (
    CLOSE_UNAUTHENTICATED,
    Auth,
    AuthOk,
    Cancel,
    Chat,
    ClientMessage,
    Error,
    Ping,
    Pong,
    ProtocolError,
    Reset,
    parse_client,
)
from parley_ws_llm.assistant import Assistant
from parley_ws_llm.connection import Closed, Connection
from parley_ws_llm.conversation import Conversation
from parley_ws_llm.rate import TokenBucket
from parley_ws_llm.seats import Seat
from parley_ws_llm.settings import WsLlmSettings

log = logging.getLogger("parley.session")

CLOSE_TRY_LATER = 1013
# Nothing more is read for so long after a message that was one too many: who floods the server
# is heard a few times a second, whatever it sends.
_PENALTY_S = 0.25
_RATE_EXCEEDED = "rate_limit_exceeded"


class Session:
    """See the module."""

    def __init__(
        self,
        connection: Connection,
        seat: Seat,
        assistant: Assistant,
        authenticator: Authenticator,
        settings: WsLlmSettings,
    ) -> None:
        self._connection = connection
        self._seat = seat
        self._assistant = assistant
        self._authenticator = authenticator
        self._settings = settings
        self._rate = TokenBucket(settings.max_messages_per_minute, _now())
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """The service is about to end: close as soon as what is being answered is answered."""
        self._leaving.set()

    async def run(self, key_id: str | None) -> None:
        """Serve until either side closes; returns when everything of the connection has stopped.

        Args:
            key_id: the caller's key, or None when its first message has to bring one.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                conversation = Conversation(
                    self._connection, self._assistant, self._settings, tasks
                )
                tasks.create_task(self._leave(conversation), name="leave at shutdown")
                key_id = key_id or await self._first_auth()
                await self._converse(conversation, key_id)
        except* Gone:
            log.debug("the client is gone")
        except* Closed as closed:
            await self._close(closed.exceptions[0])

    async def _close(self, why: BaseException) -> None:
        assert isinstance(why, Closed)
        try:
            await self._connection.close(why.code, why.reason)
        except Gone:
            return

    async def _leave(self, conversation: Conversation) -> NoReturn:
        await self._leaving.wait()
        await conversation.until_idle()
        raise Closed(CLOSE_RESTART, "service restart")

    async def _converse(self, conversation: Conversation, key_id: str) -> NoReturn:
        while True:
            raw = await self._next(conversation)
            try:
                message = await self._read(raw)
                key_id = await self._handle(message, conversation, key_id)
            except ProtocolError as exc:
                await self._connection.send(_error(exc))
                if exc.code == _RATE_EXCEEDED:
                    await asyncio.sleep(_PENALTY_S)

    async def _next(self, conversation: Conversation) -> str | bytes:
        """The next message; a connection on which nothing happens is closed."""
        while True:
            try:
                async with asyncio.timeout(self._settings.idle_timeout_s):
                    return await self._receive()
            except TimeoutError:
                if not conversation.busy:
                    raise Closed(CLOSE_NORMAL, "idle") from None

    async def _receive(self) -> str | bytes:
        raw = await self._connection.receive()
        limit = self._settings.max_message_bytes
        if size_of(raw) > limit:
            message = f"The message is too large: at most {limit} bytes are allowed."
            await self._connection.send(Error(message=message))
            raise Closed(CLOSE_TOO_BIG, "message too large")
        return raw

    async def _read(self, raw: str | bytes) -> ClientMessage:
        allowed = self._rate.take(_now())
        message = parse_client(raw)
        if allowed or isinstance(message, Cancel) or await self._is_urgent(message):
            return message
        limit = self._settings.max_messages_per_minute
        raise ProtocolError(
            f"Too many messages: at most {limit} a minute are allowed.",
            _RATE_EXCEEDED,
            getattr(message, "id", None),
        )

    async def _is_urgent(self, message: ClientMessage) -> bool:
        """Whether it tells of an emergency: that is answered, though read as slowly as a flood."""
        if not isinstance(message, Chat) or not await self._assistant.is_urgent(message.messages):
            return False
        await asyncio.sleep(_PENALTY_S)
        return True

    async def _handle(self, message: ClientMessage, conversation: Conversation, key_id: str) -> str:
        """Do what the message says; the value is the key that the connection has from now on."""
        match message:
            case Chat():
                conversation.chat(message, key_id)
            case Cancel():
                conversation.cancel(message.id)
            case Reset():
                conversation.reset()
            case Ping():
                await self._connection.send(Pong())
            case Auth():
                return await self._auth(message)
        return key_id

    async def _first_auth(self) -> str:
        """Wait for the key.

        Raises:
            Closed: it did not come in time, or something else came.
        """
        try:
            async with asyncio.timeout(self._settings.auth_timeout_s):
                message = parse_client(await self._receive())
        except (TimeoutError, ProtocolError):
            message = None
        if not isinstance(message, Auth):
            await self._refuse("Authentication required: send an auth message first.")
        return await self._auth(message)

    async def _auth(self, message: Auth) -> str:
        try:
            key_id = self._authenticator.identify(f"Bearer {message.token}")
        except InvalidApiKey:
            await self._refuse("Incorrect API key provided.")
        try:
            self._seat.claim(key_id)
        except RateLimited as exc:
            await self._connection.send(Error(message=exc.message, code=exc.code))
            raise Closed(CLOSE_TRY_LATER, "too many connections") from None
        await self._connection.send(AuthOk())
        return key_id

    async def _refuse(self, why: str) -> NoReturn:
        await self._connection.send(Error(message=why, code="invalid_api_key"))
        raise Closed(CLOSE_UNAUTHENTICATED, "unauthenticated")


def _error(exc: ProtocolError) -> Error:
    return Error(message=exc.message, code=None if exc.id is None else exc.code, id=exc.id)


def _now() -> float:
    return asyncio.get_running_loop().time()
