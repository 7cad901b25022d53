"""`python -m parley_llm`: serve until SIGTERM, or become vLLM, which does."""

import sys

from parley_llm.start import start

sys.exit(start())
