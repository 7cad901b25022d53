"""`python -m parley_orchestrator start` takes calls; `console` is one call, without LiveKit."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from livekit.agents.__main__ import main as livekit_main

from parley_kit import logging as kit_logging
from parley_kit.errors import SettingsError
from parley_kit.server import bind
from parley_kit.settings import load
from parley_kit.stack_key import stack_key
from parley_orchestrator.admin.serving import admin_page
from parley_orchestrator.admin.settings import AdminSettings, load_admin
from parley_orchestrator.board import Board, BoardFailed
from parley_orchestrator.discretion import keep_conversations_out_of_the_logs
from parley_orchestrator.persona import load_persona
from parley_orchestrator.ready import Worker
from parley_orchestrator.serving import serve
from parley_orchestrator.settings import OrchestratorSettings
from parley_orchestrator.worker import Calls, create_server, registration

_ENTRY = Path(__file__).with_name("livekit_entry.py")
_ENTRY_MODULE = "parley_orchestrator.livekit_entry"


def main(argv: Sequence[str]) -> int:
    """The exit status: 2 for settings that cannot work."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "start":
            return start()
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
        type=_address,
        required=True,
        metavar="HOST:PORT",
        help="where a client of LiveKit's TCP console listens",
    )
    return parser


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise argparse.ArgumentTypeError("write it as HOST:PORT")
    return text


@contextmanager
def worker() -> Iterator[Worker]:
    """From the environment; one board for all processes of it, which goes with it if it is ours.

    Raises:
        SettingsError: it cannot work like this.
    """
    settings = load(OrchestratorSettings)
    stack_key(settings)  # a file of keys that cannot be read is told now, and not in a call
    persona = load_persona(settings.agent_persona)
    with TemporaryDirectory(prefix="parley-worker-", ignore_cleanup_errors=True) as folder:
        board = settings.board or Path(folder) / "board.sqlite3"
        _open_once(board)
        yield Worker(settings, persona, board)


def _open_once(board: Path) -> None:
    try:
        Board(board).close()
    except BoardFailed as exc:
        raise SettingsError(f"ORCHESTRATOR_BOARD: {exc}.") from exc


def start() -> int:
    """Take calls until SIGTERM, then let the ones that are on come to an end."""
    with worker() as one:
        one.settings.require_livekit()
        admin = load_admin()
        # LiveKit would find out once all else has started, and tell with a traceback.
        bind(one.settings.listen_host, one.settings.health_port).close()
        kit_logging.configure(one.settings.log_format, one.settings.log_level)
        keep_conversations_out_of_the_logs()
        logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # only health checks
        return asyncio.run(_work(one, admin))


async def _work(one: Worker, admin: AdminSettings) -> int:
    server = create_server(one)
    with closing(Board(one.board)) as board:
        calls, taken = Calls(server), registration(server)
        async with admin_page(one.settings, admin, board, calls.count, taken):
            return await serve(server)


def console(connect_addr: str) -> int:
    """1 if nobody took the call."""
    with worker() as one:
        # LiveKit imports the entry by its path, which finds the worker by the environment.
        os.environ["ORCHESTRATOR_BOARD"] = str(one.board)
        status = livekit_main(["console", str(_ENTRY), "--connect-addr", connect_addr])
    if import_module(_ENTRY_MODULE).call.is_lost:
        sys.stderr.write(
            f"Nobody takes the call at {connect_addr}: a client of LiveKit's TCP console has to "
            "listen there. `lk agent console` starts one and the worker.\n"
        )
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
