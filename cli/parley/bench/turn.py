"""`parley bench turn`: a spoken turn through the real worker, and what its callers never notice."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from importlib.util import find_spec

from parley.bench.figures import Report
from parley.errors import BadInput
from parley_kit.server import keep_what_is_loaded

_NEEDED = "parley_orchestrator"


def measure(step: Callable[[str], None]) -> Report:
    """
    Raises:
        BadInput: the orchestrator is not installed.
    """
    if not find_spec(_NEEDED):
        raise BadInput(
            "bench turn runs the orchestrator, which `make dev` installs: run that first."
        )
    # What they import is not there without it.
    from parley.bench import turn_chain, turn_failover, turn_latency, turn_memory
    from parley.bench.turn_fakes import fakes

    # Thousands of attempts fail here as they are told to.
    logging.getLogger("parley").addHandler(logging.NullHandler())
    keep_what_is_loaded()  # as the processes of calls do
    report = Report("turn")
    with fakes() as one, fakes() as another, fakes() as third:
        asyncio.run(turn_latency.alone(report, one, step))
        asyncio.run(turn_failover.measure(report, one, step))
        asyncio.run(turn_chain.measure(report, one, step))
        asyncio.run(
            _together(
                # None of them measures time.
                turn_chain.untimed(report, one, step),
                turn_failover.shared(report, another, step),
                turn_memory.measure(report, third, step),
            )
        )
    asyncio.run(turn_latency.with_stack(report, step))
    return report


async def _together(*parts: Coroutine[None, None, None]) -> None:
    await asyncio.gather(*parts)
