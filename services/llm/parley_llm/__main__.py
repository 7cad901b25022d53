"""`python -m parley_llm`: serve until SIGTERM."""

import sys

from parley_kit.server import main
from parley_llm.app import create_app
from parley_llm.settings import LlmSettings

sys.exit(main(LlmSettings, create_app))
