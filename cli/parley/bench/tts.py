"""`parley bench tts`: Kokoro's full size over HTTP, against itself without a server."""

import tempfile
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from parley.bench import random_kokoro, tts_alone, tts_callers, tts_steady
from parley.bench.figures import Report
from parley.errors import BadInput

_NEEDED = ("kokoro", "torch")


def measure(step: Callable[[str], None]) -> Report:
    """
    Raises:
        BadInput: kokoro is not installed.
    """
    if not all(find_spec(package) for package in _NEEDED):
        raise BadInput(
            "bench tts runs Kokoro, which has an environment of its own: run `make bench-tts`."
        )
    report = Report("tts")
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of how Kokoro is written
        step("writing a model with the architecture of Kokoro")
        full = random_kokoro.write(Path(scratch) / "full", random_kokoro.FULL)
        tts_alone.measure(report, full, step)
        tts_callers.measure(report, full, step)
        small = random_kokoro.write(Path(scratch) / "small", random_kokoro.TEST)
        tts_steady.measure(report, {"engine": "kokoro", "model": str(small)}, step)
    return report
