"""A service of its own process, for a benchmark."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from parley.bench.process import python, ready_process


@dataclass(frozen=True, slots=True)
class Served:
    """A running service."""

    url: str
    pid: int


@contextmanager
def served(service: str, settings: Mapping[str, object]) -> Iterator[Served]:
    """`stt`, `tts`, `llm` or `ws-llm` with these settings, warm."""
    command = python("parley.bench.service", service, json.dumps(settings))
    with ready_process(command) as (child, ready):
        yield Served(f"http://127.0.0.1:{ready['port']}", child.pid)
