"""The inside of a call's process of `bench turn`: the worker's own, with a phone for its room.

LiveKit has its TCP console for one call in the worker's process; here each call has a process, as
LiveKit's server would have it, and the console in that.
"""

import asyncio

from livekit.agents import JobContext, JobProcess
from livekit.agents.cli import AgentsConsole
from livekit.agents.cli.tcp_console import TcpAudioInput, TcpAudioOutput
from livekit.agents.voice.remote_session import TcpSessionTransport
from livekit.protocol.agent_pb.agent_session import AgentSessionMessage

from parley_orchestrator import worker
from parley_orchestrator.ready import Worker

_LINE = "bench_line"


class Line(TcpSessionTransport):
    """Knows when the caller has hung up."""

    hung_up: asyncio.Event

    async def start(self) -> None:
        self.hung_up = asyncio.Event()
        await super().start()

    async def __anext__(self) -> AgentSessionMessage:
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            self.hung_up.set()
            raise


def prewarm(of: Worker, host: str, port: int, process: JobProcess) -> None:
    """As the worker does, and with a line to a phone, which is called when the call begins."""
    worker.prewarm(of, process)
    line = Line(host, port)
    console = AgentsConsole.get_instance()
    console.enabled = True
    console._tcp_transport = line
    console._tcp_audio_input = TcpAudioInput()
    console._tcp_audio_output = TcpAudioOutput(line)
    process.userdata[_LINE] = line


async def entry(context: JobContext) -> None:
    """As the worker does; the call ends when the caller hangs up, or the worker."""
    await worker.entry(context)
    ending = asyncio.create_task(_hung_up(context))

    async def stop(_: str) -> None:
        ending.cancel()

    context.add_shutdown_callback(stop)


async def _hung_up(context: JobContext) -> None:
    line: Line = context.proc.userdata[_LINE]
    await line.hung_up.wait()
    context.shutdown("the caller hung up")
