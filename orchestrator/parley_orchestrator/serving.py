"""Runs a worker until it is asked to stop, or has to give up."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from livekit.agents import AgentServer

from parley_kit.logging import outline

_log = logging.getLogger("parley.orchestrator")
_GAVE_UP = (
    "the worker gives up, LiveKit's server does not take it: is LIVEKIT_URL right and reachable "
    "from here, and do LIVEKIT_API_KEY and LIVEKIT_API_SECRET belong to it?"
)


async def serve(server: AgentServer) -> int:
    """0 when it was asked to stop by a signal, 1 when it gave up; a second signal does not wait."""
    running = asyncio.create_task(server.run())
    with _signals() as asked:
        stopping = asyncio.create_task(asked.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        status = _given_up(running)
        try:
            await server.drain()
        except TimeoutError:
            _log.warning("calls were still on when the time to drain was over")
        await server.aclose()
        running.cancel()  # where it was asked to stop before it had started
        await asyncio.gather(running, return_exceptions=True)
    return status


def _given_up(running: "asyncio.Task[None]") -> int:
    if not running.done() or not (exc := running.exception()):
        return 0
    _log.error(_GAVE_UP, extra={"data": {"error": outline(exc)}})
    return 1


@contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """Set at the first."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    names = (signal.SIGTERM, signal.SIGINT)
    for name in names:
        loop.add_signal_handler(name, _stop_or_leave, asked)
    try:
        yield asked
    finally:
        for name in names:
            loop.remove_signal_handler(name)


def _stop_or_leave(asked: asyncio.Event) -> None:
    if asked.is_set():
        os._exit(1)
    asked.set()
