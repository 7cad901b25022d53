"""`parley bench`: every figure that Parley promises, measured, with its goal beside it."""

from collections.abc import Callable, Mapping
from importlib import import_module

from rich.console import Console

from parley.bench.figures import Report

SUITES: Mapping[str, str] = {
    "kit": "parley.bench.kit",
    "stack": "parley.bench.stack",
    "llm": "parley.bench.llm",
    "stt": "parley.bench.stt",
    "tts": "parley.bench.tts",
    "ws": "parley.bench.ws",
    "turn": "parley.bench.turn",
    "compose": "parley.bench.compose",
    "compose-build": "parley.bench.compose_build",
    "gateway": "parley.bench.gateway",
}


def run(suite: str, console: Console) -> Report:
    """Measure one suite; progress is shown on the console."""
    measure: Callable[[Callable[[str], None]], Report] = import_module(SUITES[suite]).measure
    with console.status(f"bench {suite}") as status:
        return measure(lambda step: status.update(f"bench {suite}: {step}"))
