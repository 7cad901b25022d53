"""`python -m parley_orchestrator start` takes calls; `console` is one call at this machine."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

from livekit.agents import AgentServer, cli
from livekit.agents.__main__ import main as livekit_main

from parley_kit import logging as kit_logging
from parley_kit.errors import SettingsError
from parley_kit.settings import load
from parley_orchestrator.persona import load_persona
from parley_orchestrator.ready import Worker
from parley_orchestrator.settings import OrchestratorSettings
from parley_orchestrator.worker import create_server

_log = logging.getLogger("parley.orchestrator")
_ENTRY = Path(__file__).with_name("livekit_entry.py")


def main(argv: Sequence[str]) -> int:
    """The exit status: 2 for settings that cannot work."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "start":
            return start(read_worker())
        return console(arguments.connect_addr)
    except SettingsError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m parley_orchestrator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start", help="take calls from LiveKit (LIVEKIT_URL)")
    talk = commands.add_parser("console", help="one call, without LiveKit")
    talk.add_argument(
        "--connect-addr",
        metavar="HOST:PORT",
        help="where a client of LiveKit's TCP console listens; without it, this machine's audio",
    )
    return parser


def read_worker() -> Worker:
    """From the environment.

    Raises:
        SettingsError: it cannot work like this.
    """
    settings = load(OrchestratorSettings)
    return Worker(settings, load_persona(settings.agent_persona), _board(settings))


def _board(settings: OrchestratorSettings) -> Path:
    """One file for all processes of a worker, and another for another worker."""
    if settings.board is not None:
        return settings.board
    return Path(tempfile.gettempdir()) / f"parley-board-{os.getuid()}-{os.getpid()}.sqlite3"


def start(worker: Worker) -> int:
    """Take calls until SIGTERM, then let the ones that are on come to an end."""
    worker.settings.require_livekit()
    kit_logging.configure(worker.settings.log_format, worker.settings.log_level)
    return asyncio.run(serve(create_server(worker)))


async def serve(server: AgentServer) -> int:
    """0 when it was asked to stop, 1 when it gave up."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _stop_or_leave, asked)
    running = asyncio.create_task(server.run())
    stopping = asyncio.create_task(asked.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if running.done() and running.exception():
        _log.error("the worker gave up", exc_info=running.exception())
        return 1
    try:
        await server.drain()
    except TimeoutError:
        _log.warning("calls were still on when the time to drain was over")
    await server.aclose()
    return 0


def _stop_or_leave(asked: asyncio.Event) -> None:
    if asked.is_set():
        os._exit(1)
    asked.set()


def console(connect_addr: str | None) -> int:
    read_worker()  # says what is wrong, before LiveKit wraps it in a traceback
    if connect_addr is not None:
        return livekit_main(["console", str(_ENTRY), "--connect-addr", connect_addr])
    sys.argv = [sys.argv[0], "console"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the successor needs the `lk` tool
        cli.run_app(create_server(read_worker()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
