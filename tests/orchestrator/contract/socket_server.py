"""A server of WebSockets: the steps of an answer are the same for every protocol."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.orchestrator.contract.wire import (
    QUOTED,
    Answer,
    Asked,
    Cut,
    Finish,
    Hang,
    Hold,
    Refuse,
    Say,
    Step,
)


class SocketServer(ABC):
    """See `FakeServer`. A question that would be refused is refused when the socket opens."""

    path = ""

    def __init__(self) -> None:
        self._port = 0
        self._failures: list[BaseException] = []
        self.answer: Answer = (Say("Hello."), Finish())
        self.asked: list[Asked] = []
        self.stopped = asyncio.Event()
        self.connections = 0
        self.open_connections = 0
        self.sockets: list[ServerConnection] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{self.path}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        async with serve(
            self._accept,
            "127.0.0.1",
            0,
            process_request=self._admit,
            compression=None,
            close_timeout=0.1,
        ) as server:
            self._port = next(iter(server.sockets)).getsockname()[1]
            yield self
        if self._failures:
            raise self._failures[0]

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        first = self.answer[0]
        if not isinstance(first, Refuse):
            return None
        self.asked.append(Asked())
        status = HTTPStatus(first.status)
        response = connection.respond(status, QUOTED)
        if first.retry_after_s is not None:
            response.headers["Retry-After"] = str(first.retry_after_s)
        return response

    async def _accept(self, connection: ServerConnection) -> None:
        self.sockets.append(connection)
        self.open_connections += 1
        try:
            await self.talk(connection)
        except ConnectionClosed:
            pass
        except Exception as failure:  # noqa: BLE001 - the test's own task raises it at the end
            self._failures.append(failure)
        finally:
            self.open_connections -= 1

    @abstractmethod
    async def talk(self, connection: ServerConnection) -> None:
        """Serve a socket until it closes."""


class Voice(ABC):
    """Says one answer."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection

    async def play(self, answer: Answer) -> None:
        """Say the steps; what follows the proper end is not waited for."""
        with suppress(ConnectionClosed):
            await self._play(answer)

    async def _play(self, answer: Answer) -> None:
        finished = False
        for step in answer:
            match step:
                case Hold():
                    await step.until.wait()
                case Hang():
                    if finished:
                        return
                    await asyncio.Event().wait()
                case Cut():
                    self.connection.transport.abort()
                case _:
                    finished = finished or isinstance(step, Finish)
                    await self.show(step, answer)

    @abstractmethod
    async def show(self, step: Step, answer: Answer) -> None: ...


class Playing:
    """The answers under way on one socket."""

    def __init__(self, stopped: asyncio.Event) -> None:
        self._stopped = stopped
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, voice: Voice, answer: Answer) -> None:
        self._tasks[name] = asyncio.create_task(voice.play(answer))

    async def stop(self, name: str) -> bool:
        """Whether it was under way; the client took the question back."""
        task = self._tasks.pop(name, None)
        if task is None:
            return False
        if task.done():
            task.result()
            return False
        self._stopped.set()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return True

    async def stop_all(self) -> None:
        """The socket is closed."""
        for name in list(self._tasks):
            await self.stop(name)
