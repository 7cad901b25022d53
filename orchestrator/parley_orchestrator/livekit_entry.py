"""The worker as LiveKit's own command line finds it: a module with a server in it.

`python -m livekit.agents console orchestrator/parley_orchestrator/livekit_entry.py` and `lk agent`
import this file; nothing else does.
"""

from parley_orchestrator.__main__ import read_worker
from parley_orchestrator.worker import create_server

server = create_server(read_worker())
