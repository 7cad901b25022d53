"""One Realtime session: opened in the dialect that the server understands, one answer at a time."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator

from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.sockets import Lost, Socket, bearer, open_socket, socket_url
from parley_orchestrator.llm.transports.realtime_answer import (
    Event,
    dialect_of,
    error_kind,
    read_event,
    refuses_dialect,
)
from parley_orchestrator.llm.transports.realtime_wire import (
    BETA_HEADER,
    CLOSE_WRONG_DIALECT,
    Dialect,
    Json,
    response_cancel,
    session_update,
)

_NAME = "realtime"
_UPDATED_WITHIN_S = 2.0
_SETTLED_WITHIN_S = 2.0
# OpenAI ends a session after 60 minutes, its beta did after 30, and both say when; an answer that
# began before must have the time to end.
_LONGEST_S = 55 * 60.0
_LAST_ANSWER_S = 2 * 60.0


class WrongDialect(Exception):
    """The server does not understand the dialect that the session was opened in."""


class Session:
    """A socket whose session has been set up; `ask` one question at a time."""

    def __init__(self, socket: Socket, dialect: Dialect, expires_at: float) -> None:
        self.dialect = dialect
        self._socket = socket
        self._expires_at = expires_at
        self._under_way = False
        self._response_id: str | None = None

    @property
    def is_usable(self) -> bool:
        return self._socket.is_open and time.time() < self._expires_at

    @property
    def is_settled(self) -> bool:
        return not self._under_way

    async def ask(self, question: Json) -> AsyncGenerator[Event, None]:
        """The events of the answer to a `response_create`, up to the one that ends it.

        Raises:
            Lost: the socket closed before.
            LlmFailed: `malformed`.
        """
        self._under_way = True
        self._response_id = None
        await self._socket.send(json.dumps(question))
        while self._under_way:
            yield await self._next()

    async def settle(self) -> None:
        """Take the question back and wait until the server has; if it has not, hang up."""
        try:
            if self._response_id is not None:
                await self._cancel(self._response_id)
        except (Lost, LlmFailed, TimeoutError):
            pass
        if self._under_way:
            await self.close()

    async def _cancel(self, response_id: str) -> None:
        async with asyncio.timeout(_SETTLED_WITHIN_S):
            await self._socket.send(json.dumps(response_cancel(response_id)))
            while self._under_way:
                await self._next()

    async def _next(self) -> Event:
        event = read_event(await self._socket.receive(), _NAME)
        if event.type == "response.created" and event.response:
            self._response_id = event.response.id
        elif event.type == "response.done":
            self._under_way = False
        return event

    async def close(self) -> None:
        await self._socket.close()


async def open_session(config: LlmConfig, dialect: Dialect) -> Session:
    """
    Raises:
        WrongDialect: the other one may do.
        LlmFailed: there is nobody, or somebody who does not want us.
    """
    query = {"model": config.model}
    headers = bearer(config.api_key) | (BETA_HEADER if dialect == "beta" else {})
    if config.organization:
        headers["OpenAI-Organization"] = config.organization
    deadline = asyncio.get_running_loop().time() + config.connect_timeout_s
    url = socket_url(config.base_url, "/realtime", query)
    socket = await open_socket(url, headers, _NAME, config.connect_timeout_s)
    try:
        expires_at = await _set_up(socket, dialect, deadline)
    except Lost as lost:
        if lost.code == CLOSE_WRONG_DIALECT:
            raise WrongDialect from lost
        raise lost.failure(_NAME, begun=False) from lost
    except BaseException:
        socket.drop()
        raise
    return Session(socket, dialect, expires_at)


async def _set_up(socket: Socket, dialect: Dialect, deadline: float) -> float:
    """Ask for text; the value is when the session expires, in Unix time.

    A server that greets and then says nothing to that is asked the first question all the same.
    """
    await socket.send(json.dumps(session_update(dialect)))
    event = await _by(deadline, socket)
    if event is None:
        raise LlmFailed(f"{_NAME} opened no session in time", "connect")
    expires_at = time.time() + _LONGEST_S
    patience = min(deadline, asyncio.get_running_loop().time() + _UPDATED_WITHIN_S)
    while event is not None:
        expires_at = min(expires_at, _said_expiry(event))
        if event.type == "session.updated":
            _check_dialect(event, dialect)
            break
        _check_error(event)
        event = await _by(patience, socket)
    return expires_at


async def _by(deadline: float, socket: Socket) -> Event | None:
    try:
        async with asyncio.timeout_at(deadline):
            return read_event(await socket.receive(), _NAME)
    except TimeoutError:
        return None


def _said_expiry(event: Event) -> float:
    said = (event.session or {}).get("expires_at")
    return said - _LAST_ANSWER_S if isinstance(said, int | float) and said > 0 else float("inf")


def _check_dialect(event: Event, dialect: Dialect) -> None:
    """A lenient server takes what it does not understand, and would then speak."""
    if dialect_of(event.session or {}) not in (dialect, None):
        raise WrongDialect


def _check_error(event: Event) -> None:
    if event.type != "error" or event.error is None:
        return
    if refuses_dialect(event.error):
        raise WrongDialect
    raise LlmFailed(f"{_NAME} refused a session", error_kind(event.error))
