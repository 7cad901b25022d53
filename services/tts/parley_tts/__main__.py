"""`python -m parley_tts`: serve until SIGTERM."""

import sys

from parley_kit.server import main
from parley_tts.app import create_app
from parley_tts.settings import TtsSettings

sys.exit(main(TtsSettings, create_app))
