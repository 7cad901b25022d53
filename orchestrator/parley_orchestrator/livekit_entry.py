"""The worker as LiveKit's own command line finds it: a module with a server in it.

`python -m livekit.agents console orchestrator/parley_orchestrator/livekit_entry.py`, `lk agent` and
our own console import this file; nothing else does.
"""

from pathlib import Path
from tempfile import mkdtemp

from parley_kit.settings import load
from parley_orchestrator.console import ConsoleCall
from parley_orchestrator.persona import load_persona
from parley_orchestrator.ready import Worker
from parley_orchestrator.settings import OrchestratorSettings
from parley_orchestrator.worker import create_server

_settings = load(OrchestratorSettings)
_board = _settings.board or Path(mkdtemp(prefix="parley-worker-")) / "board.sqlite3"

call = ConsoleCall()
server = create_server(
    Worker(_settings, load_persona(_settings.agent_persona), _board), take_call=call.take
)
