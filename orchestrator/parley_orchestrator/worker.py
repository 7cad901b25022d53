"""The worker: takes calls from LiveKit, each in a process of its own.

`prewarm` and `entry` run in the processes of the calls; what they need travels there pickled, as
the first argument of a `functools.partial`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TypeAlias

from livekit.agents import AgentServer, JobContext, JobProcess, room_io, tokenize, utils
from livekit.agents.worker import ServerEnvOption

from parley_kit.server import keep_what_is_loaded
from parley_orchestrator.board import Board
from parley_orchestrator.build import create_chain, rehearse, transport_modules
from parley_orchestrator.call import LastServed, create_agent, create_session, say_when_deaf
from parley_orchestrator.discretion import keep_conversations_out_of_the_logs
from parley_orchestrator.excuses import Excuses
from parley_orchestrator.ready import Ready, Worker, prepare
from parley_orchestrator.turn_notes import TurnNotes

TakeCall: TypeAlias = Callable[[JobContext], Awaitable[None]]

_log = logging.getLogger("parley.orchestrator")
_READY = "parley_ready"
_FRAME_MS = 20
_PHRASES_WITHIN_S = 3.0
"""Before a call, which a caller may be waiting for; what is missing then is fetched in it."""
_INITIALISED_WITHIN_S = 30.0


def create_server(worker: Worker, take_call: TakeCall | None = None) -> AgentServer:
    """LiveKit's server of this worker; it registers when it is run.

    The first of two values is that of the console.

    Args:
        take_call: instead of `entry`.
    """
    settings = worker.settings
    server = AgentServer(
        setup_fnc=partial(prewarm, worker),
        initialize_process_timeout=_INITIALISED_WITHIN_S,
        load_fnc=partial(load_of, settings.max_calls),
        load_threshold=1.0,
        # Imported once, and shared by the processes of all calls.
        preload_modules=["parley_orchestrator.worker", *transport_modules(settings.chain)],
        num_idle_processes=ServerEnvOption(0, settings.idle_processes),
        drain_timeout=settings.drain_timeout_s,
        host=settings.listen_host,
        port=ServerEnvOption(0, settings.health_port),
        ws_url=settings.livekit_url,
        api_key=settings.livekit_api_key.get_secret_value(),
        api_secret=settings.livekit_api_secret.get_secret_value(),
    )
    server.rtc_session(take_call or entry, agent_name=settings.agent_name)
    return server


def load_of(max_calls: int, server: AgentServer) -> float:
    """The share of the calls that a worker takes at most; processors say little of a GPU."""
    return len(server.active_jobs) / max_calls


class Calls:
    """Those that are on at a worker."""

    def __init__(self, server: AgentServer) -> None:
        self._server: AgentServer | None = None
        server.once("worker_started", lambda: self._follow(server))

    def count(self) -> int:
        """0 before it has started."""
        return len(self._server.active_jobs) if self._server else 0

    def _follow(self, server: AgentServer) -> None:
        self._server = server


def registration(server: AgentServer) -> asyncio.Event:
    """Set once LiveKit's server has taken the worker; one that is gone later is tried again."""
    taken = asyncio.Event()
    server.once("worker_registered", lambda *_: taken.set())
    return taken


def prewarm(worker: Worker, process: JobProcess) -> None:
    """Make a process ready for a call, before there is one."""
    keep_conversations_out_of_the_logs()
    tokenize.basic.hyphenate_word("hyphen")  # LiveKit would load its patterns at the first words
    process.userdata[_READY] = asyncio.run(_prepared(worker))
    keep_what_is_loaded()


async def _prepared(worker: Worker) -> Ready:
    await rehearse(worker.settings)
    return await prepare(worker, within_s=_PHRASES_WITHIN_S)


async def entry(context: JobContext) -> None:
    """Take one call; returns when it has begun."""
    ready: Ready = context.proc.userdata[_READY]
    await ready.find_routes()
    last_served = LastServed()
    async with AsyncExitStack() as stack:
        board = Board(ready.worker.board)
        stack.callback(board.close)
        chain = create_chain(ready.worker.settings, board, last_served)
        stack.push_async_callback(chain.close)
        session = create_session(ready, chain, last_served, resumes=not context.is_fake_job())
        for part in (session.stt, session.tts):
            assert part is not None
            stack.push_async_callback(part.aclose)
        notes = TurnNotes(board, context.job.id, lambda: last_served.member)
        session.on("conversation_item_added", notes.on_item)
        excuses = Excuses(ready.worker.persona, ready.phrases, notes.on_excuse)
        agent = create_agent(ready.worker.settings, excuses)
        say_when_deaf(session, agent)
        await session.start(agent, room=context.room, room_options=_room_options(), record=False)
        fetching = asyncio.create_task(ready.fetch_missing_phrases(agent.greet()))
        stack.push_async_callback(utils.aio.cancel_and_wait, fetching)
        context.add_shutdown_callback(stack.pop_all().aclose)


def _room_options() -> room_io.RoomOptions:
    return room_io.RoomOptions(audio_input=room_io.AudioInputOptions(frame_size_ms=_FRAME_MS))
