"""`parley bench compose-build`: the images of the demo stack, built from nothing."""

import os
import time
from collections.abc import Callable

from parley.bench.compose_stack import demo_stack
from parley.bench.figures import Report


def measure(step: Callable[[str], None]) -> Report:
    report = Report("compose-build")
    with demo_stack(f"parley-bench-{os.getpid()}", {"API_KEYS": "no-one-calls"}) as stack:
        step("building without any layer of before")
        started = time.perf_counter()
        stack.run("build", "--no-cache", "--quiet", timeout_s=3600)
        seconds = time.perf_counter() - started
    how = "docker compose build --no-cache; base image there, packages in the builder's pip cache"
    report.add("clean build", seconds, "s", 360, how)
    return report
