"""The chats of one connection: which run, in which order, and how each of them ends.

Chats with an id run side by side. Chats without one, and resets, are answered in the order of
their arrival, because their replies could not be told apart otherwise. Every chat ends with
exactly one `complete`, `error` or `cancelled`.
"""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext

from parley_kit.errors import ApiError, DeadlineExceeded, InternalError, UpstreamFailed
from parley_kit.sockets import Gone
from parley_kit.ws_protocol import (
    Cancelled,
    Chat,
    Complete,
    Delta,
    Error,
    ProtocolError,
    ResetComplete,
    ServerMessage,
    ToolCalled,
)
from parley_kit.ws_tools import ToolCall
from parley_ws_llm.assistant import Assistant
from parley_ws_llm.connection import Connection
from parley_ws_llm.engine import Finish, Text, Tools
from parley_ws_llm.history import History, Turn
from parley_ws_llm.metrics import Outcome, Stopwatch
from parley_ws_llm.settings import WsLlmSettings
from parley_ws_llm.tokens import tokens_of_tools

log = logging.getLogger("parley.turn")


class _Flight:
    """One chat under way."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.stopwatch = Stopwatch()
        self.turn: Turn | None = None
        self.said: list[str] = []
        self.called: list[ToolCall] = []
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def begin(self) -> None:
        """Called by the chat's task; from here on `stop` interrupts it.

        Raises:
            CancelledError: it was stopped before.
        """
        self._task = asyncio.current_task()
        if self._stopped:
            raise asyncio.CancelledError

    def stop(self) -> None:
        """Interrupt the chat on behalf of its client."""
        if self._stopped:
            return
        self._stopped = True
        if self._task is not None:
            self._task.cancel()

    def was_only_stopped(self) -> bool:
        """Whether its client, and nobody else, cancelled the task; takes that cancellation back.

        A task that was stopped before it began was never cancelled, and is told by zero too.
        """
        task = asyncio.current_task()
        assert task is not None
        return self._stopped and task.uncancel() == 0


class Conversation:
    """See the module."""

    def __init__(
        self,
        connection: Connection,
        assistant: Assistant,
        settings: WsLlmSettings,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._connection = connection
        self._assistant = assistant
        self._timeout_s = settings.request_timeout_s
        self._max_in_flight = settings.max_in_flight_per_connection
        self._tasks = tasks
        self._history = History(settings.max_turns, settings.max_history_tokens)
        self._in_order = asyncio.Lock()
        self._flights: set[_Flight] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def busy(self) -> bool:
        return bool(self._flights)

    async def until_idle(self) -> None:
        """Wait until nothing is being answered."""
        await self._idle.wait()

    def chat(self, chat: Chat, key_id: str) -> None:
        """Begin to answer.

        Raises:
            ProtocolError: too many chats are under way, or one with the same id.
        """
        if len(self._flights) >= self._max_in_flight:
            raise ProtocolError(
                f"Too many requests in flight: at most {self._max_in_flight} are allowed.",
                "too_many_in_flight",
                chat.id,
            )
        if chat.id is not None and any(flight.chat.id == chat.id for flight in self._flights):
            raise ProtocolError("A request with this id is in flight", "duplicate_id", chat.id)
        flight = _Flight(chat)
        self._flights.add(flight)
        self._idle.clear()
        self._tasks.create_task(self._serve(flight, key_id), name="chat")

    def cancel(self, chat_id: str | None) -> None:
        """Stop the chat with this id, or all; one that has just ended is no error."""
        for flight in list(self._flights):
            if chat_id is None or flight.chat.id == chat_id:
                flight.stop()

    def reset(self) -> None:
        """Forget the conversation, after the chats without an id that came before."""
        self._tasks.create_task(self._reset(), name="reset")

    async def _reset(self) -> None:
        async with self._in_order:
            self._history.clear()
            await self._connection.send(ResetComplete())

    async def _serve(self, flight: _Flight, key_id: str) -> None:
        """The task of one chat."""
        outcome: Outcome = "abandoned"
        order: AbstractAsyncContextManager[None] = (
            self._in_order if flight.chat.id is None else nullcontext()
        )
        try:
            flight.begin()
            async with order:
                outcome, reply = await self._reply(flight, key_id)
                await self._end(flight, reply)
        except asyncio.CancelledError:
            if not flight.was_only_stopped():
                raise
            outcome = "cancelled"
            await self._end(flight, Cancelled(id=flight.chat.id))
        finally:
            self._flights.discard(flight)
            if not self._flights:
                self._idle.set()
            self._account(flight, outcome)

    async def _end(self, flight: _Flight, reply: ServerMessage) -> None:
        """Send a chat's last reply; its client may use the id again as soon as it reads that."""
        self._flights.discard(flight)
        await self._connection.send(reply)

    async def _reply(self, flight: _Flight, key_id: str) -> tuple[Outcome, ServerMessage]:
        """Stream the answer; the value is how it ended, and the message that says so."""
        try:
            return "complete", await self._answer(flight, key_id)
        except asyncio.CancelledError:
            if not flight.was_only_stopped():
                raise
            self._remember(flight)
            return "cancelled", Cancelled(id=flight.chat.id)
        except ApiError as exc:
            outcome: Outcome = "failed" if exc.status >= 500 else "refused"
            return outcome, error_of(exc, flight.chat.id)
        except Gone:
            raise
        except Exception as exc:  # one chat must not end the others
            log.error("unhandled error", exc_info=exc)
            return "failed", error_of(InternalError(), flight.chat.id)

    async def _answer(self, flight: _Flight, key_id: str) -> Complete:
        chat, tools = flight.chat, Tools.of(flight.chat)
        flight.turn = self._history.begin(chat.messages, tokens_of_tools(tools.tools))
        finish = Finish(None)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                aclosing(self._assistant.answer(flight.turn, tools, key_id)) as items,
            ):
                async for item in items:
                    if isinstance(item, Finish):
                        finish = item
                    else:
                        await self._pass_on(flight, item)
        except TimeoutError as exc:
            raise DeadlineExceeded(self._timeout_s) from exc
        self._remember(flight)
        return Complete(
            content="".join(flight.said),
            usage=None if chat.id is None else finish.usage,
            red_flag=None if chat.id is None else finish.red_flag,
            id=chat.id,
        )

    async def _pass_on(self, flight: _Flight, item: Text | ToolCall) -> None:
        if isinstance(item, Text):
            await self._connection.send(Delta(content=item.text, id=flight.chat.id))
            flight.said.append(item.text)
        else:
            await self._connection.send(ToolCalled(call=item, id=flight.chat.id))
            flight.called.append(item)
        flight.stopwatch.first_token()

    def _remember(self, flight: _Flight) -> None:
        if flight.turn is not None:
            self._history.end(flight.turn, "".join(flight.said), flight.called)

    def _account(self, flight: _Flight, outcome: Outcome) -> None:
        self._assistant.metrics.ended(outcome, flight.stopwatch)
        ttft_s = flight.stopwatch.ttft_s
        data = {
            "outcome": outcome,
            "ms": round(flight.stopwatch.elapsed_s * 1000, 1),
            "ttft_ms": None if ttft_s is None else round(ttft_s * 1000, 1),
        }
        log.info("turn", extra={"data": data})


def error_of(exc: ApiError, chat_id: str | None) -> Error:
    """What a client reads; a failure of the model begins as it did in the original."""
    upstream = isinstance(exc, (UpstreamFailed, DeadlineExceeded))
    message = f"LLM API error: {exc.message}" if upstream else exc.message
    return Error(
        message=message,
        code=None if chat_id is None else exc.code or exc.type,
        id=chat_id,
    )
