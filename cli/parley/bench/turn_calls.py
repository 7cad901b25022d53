"""A worker that takes a call at every SIGUSR1: `python -m parley.bench.turn_calls HOST PORT`.

Each call has a process of its own and calls the phone at HOST:PORT. The settings are those of the
environment. Prints a JSON line when it takes calls; ends with SIGTERM.
"""

import asyncio
import json
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path

from livekit.agents import AgentServer
from livekit.agents.worker import ServerEnvOption

from parley.bench import turn_line
from parley_kit.settings import load
from parley_orchestrator.persona import load_persona
from parley_orchestrator.ready import Worker
from parley_orchestrator.settings import OrchestratorSettings


async def _serve(of: Worker, host: str, port: int) -> None:
    server = AgentServer(
        setup_fnc=partial(turn_line.prewarm, of, host, port),
        num_idle_processes=ServerEnvOption(1, 1),
        host="127.0.0.1",
        port=ServerEnvOption(0, 0),
    )
    server.rtc_session(turn_line.entry)
    loop, stopped, calls = asyncio.get_running_loop(), asyncio.Event(), set[asyncio.Task[None]]()

    def take_call() -> None:
        calls.add(asyncio.create_task(server.simulate_job("bench", fake_job=True)))

    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGUSR1, take_call)
    server.once("worker_started", lambda: print(json.dumps({"ready": True}), flush=True))
    serving = asyncio.create_task(server.run(unregistered=True))
    await stopped.wait()
    await server.aclose()
    await asyncio.gather(serving, *calls)


def main() -> None:
    host, port = sys.argv[1:]
    settings = load(OrchestratorSettings)
    with tempfile.TemporaryDirectory() as folder:
        of = Worker(settings, load_persona(settings.agent_persona), Path(folder) / "board.sqlite3")
        asyncio.run(_serve(of, host, int(port)))


if __name__ == "__main__":
    main()
