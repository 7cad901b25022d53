"""`python -m parley_ws_llm`: serve until SIGTERM."""

import sys

from parley_kit.server import main
from parley_ws_llm.app import create_app
from parley_ws_llm.settings import WsLlmSettings

sys.exit(main(WsLlmSettings, create_app))
