"""The console's call: the only one of its worker, in the worker's own process."""

import asyncio
import logging
import os
import signal

from livekit.agents import JobContext

from parley_orchestrator import worker

_log = logging.getLogger("parley.orchestrator")
_ANSWERED_WITHIN_S = 60.0


class ConsoleCall:
    """
    Attributes:
        is_lost: nobody listened where it was to go.
    """

    def __init__(self) -> None:
        self.is_lost = False

    async def take(self, context: JobContext) -> None:
        """As the worker does; LiveKit would wait for a signal after a call that never began."""
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                await worker.entry(context)
        except OSError:
            if context.is_fake_job():
                self.is_lost = True
                os.kill(os.getpid(), signal.SIGTERM)
            raise
