"""`python -m parley_stt`: serve until SIGTERM."""

import sys

from parley_kit.server import main
from parley_stt.app import create_app
from parley_stt.settings import SttSettings

sys.exit(main(SttSettings, create_app))
