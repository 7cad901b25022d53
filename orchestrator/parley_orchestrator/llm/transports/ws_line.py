"""One socket to ws-llm, which several questions share by their ids."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeAlias

from parley_kit.ws_protocol import (
    Cancel,
    Cancelled,
    Chat,
    Complete,
    Error,
    ProtocolError,
    Reset,
    ResetComplete,
    ServerMessage,
    encode,
    parse_server,
)
from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.sockets import CLOSE_ABNORMAL, Lost, Socket
from parley_orchestrator.llm.transports.ws_wire import adds_to_memory

_NAME = "ws"
_AHEAD = 1024
_SETTLED_WITHIN_S = 2.0
_ENDS = (Complete, Error, Cancelled)

Reply: TypeAlias = ServerMessage | Lost | LlmFailed


class _Inbox:
    """The replies to one question that have not been read; who reads too slowly loses all."""

    def __init__(self) -> None:
        self._replies: asyncio.Queue[Reply] = asyncio.Queue(_AHEAD)

    def put(self, reply: Reply) -> None:
        if self._replies.full():
            while not self._replies.empty():
                self._replies.get_nowait()
            reply = LlmFailed("an answer of ws was not read", "cut")
        self._replies.put_nowait(reply)

    async def get(self) -> ServerMessage:
        """
        Raises:
            Lost, LlmFailed: there will be none.
        """
        reply = await self._replies.get()
        if isinstance(reply, Exception):
            raise reply
        return reply


class Line:
    """Reads from the beginning to the end, so it has to be closed."""

    def __init__(self, socket: Socket) -> None:
        self._was_used = False
        self._socket = socket
        self._inboxes: dict[str, _Inbox] = {}
        self._left: dict[str, asyncio.Event] = {}
        self._is_silent = False
        self._asking = asyncio.Lock()
        self._forgotten: asyncio.Future[None] | None = None
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @property
    def is_usable(self) -> bool:
        return self._socket.is_open and not self._left and not self._is_silent

    @property
    def is_settled(self) -> bool:
        return not self._left

    async def settle(self) -> None:
        """Take back the questions that nobody listens to any more; they disturb no other.

        A server that says nothing to that may be gone without a word, so it is asked no more.
        """
        try:
            async with asyncio.timeout(_SETTLED_WITHIN_S):
                for chat_id, ended in list(self._left.items()):
                    await self._socket.send(encode(Cancel(id=chat_id)))
                    await ended.wait()
        except (Lost, TimeoutError):
            self._is_silent = True

    async def ask(self, chat: Chat) -> AsyncGenerator[ServerMessage, None]:
        """The replies up to the one that ends the chat, which has an id.

        Raises:
            Lost: the socket closed before.
            LlmFailed: `malformed`.
        """
        assert chat.id is not None
        inbox = self._inboxes[chat.id] = _Inbox()
        ended = False
        try:
            await self._send(chat)
            while not ended:
                reply = await inbox.get()
                ended = isinstance(reply, _ENDS)
                yield reply
        finally:
            del self._inboxes[chat.id]
            if not ended:
                self._left[chat.id] = asyncio.Event()

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, self._socket.close(), return_exceptions=True)

    async def _send(self, chat: Chat) -> None:
        """Nobody asks between a reset and the question that it is for."""
        async with self._asking:
            if self._was_used and adds_to_memory(chat):
                await self._forget()
            self._was_used = True
            await self._socket.send(encode(chat))

    async def _forget(self) -> None:
        self._forgotten = asyncio.get_running_loop().create_future()
        await self._socket.send(encode(Reset()))
        await self._forgotten

    async def _read(self) -> None:
        why: Lost | LlmFailed = Lost(CLOSE_ABNORMAL)
        try:
            while True:
                self._dispatch(parse_server(await self._socket.receive()))
        except Lost as lost:
            why = lost
        except ProtocolError:
            # Its text may quote the conversation.
            why = LlmFailed(f"{_NAME} sent what is no reply", "malformed")
        finally:
            self._end(why)
        await self._socket.close()

    def _dispatch(self, reply: ServerMessage) -> None:
        """Let go of what nobody waits for any more.

        Raises:
            ProtocolError: a reply to a chat says not to which.
        """
        if isinstance(reply, ResetComplete):
            self._settle_reset(None)
        elif (chat_id := getattr(reply, "id", None)) in self._inboxes:
            self._inboxes[chat_id].put(reply)
        elif chat_id in self._left and isinstance(reply, _ENDS):
            self._left.pop(chat_id).set()
        elif chat_id is None and isinstance(reply, Error):
            self._settle_reset(LlmFailed(f"{_NAME} refused a reset", "server"))
        elif chat_id is None and hasattr(reply, "id"):
            raise ProtocolError("A reply without an id", "invalid_message")

    def _settle_reset(self, failure: Lost | LlmFailed | None) -> None:
        reset, self._forgotten = self._forgotten, None
        if reset is None or reset.done():
            return
        if failure is None:
            reset.set_result(None)
        else:
            reset.set_exception(failure)

    def _end(self, why: Lost | LlmFailed) -> None:
        self._settle_reset(why)
        for inbox in self._inboxes.values():
            inbox.put(why)
        for ended in self._left.values():
            ended.set()
        self._left.clear()
