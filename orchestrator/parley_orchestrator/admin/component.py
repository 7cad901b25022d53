"""What the admin page knows: the board's reports, and the looks at the services."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack

from parley_orchestrator.admin.readiness import Lookout
from parley_orchestrator.admin.view import Member, calls_view, chain_view, current
from parley_orchestrator.board import Board, BoardFailed
from parley_orchestrator.metrics import Load

_TURNS_SHOWN = 24


class Overview:
    """The component that the kit's service serves; its status is the page's data."""

    def __init__(
        self,
        board: Board,
        members: tuple[Member, ...],
        lookout: Lookout,
        failures_to_open: int,
        load: Load,
        taken: asyncio.Event,
    ) -> None:
        """
        Args:
            taken: set once LiveKit's server has taken the worker, without which it has no calls.
        """
        self.members = members
        self._board = board
        self._lookout = lookout
        self._failures_to_open = failures_to_open
        self._load = load
        self._taken = taken
        self._running = AsyncExitStack()

    async def start(self) -> None:
        await self._running.enter_async_context(self._lookout.watching())
        await self._taken.wait()

    async def close(self) -> None:
        await self._running.aclose()

    def status(self) -> Mapping[str, object]:
        """
        Times are seconds since the epoch. `board` says why the rest is missing, if it is.
        """
        known = {
            "services": self._services(),
            "load": {"calls": self._load.calls_on(), "max_calls": self._load.max_calls},
        }
        try:
            reports = [self._board.member(member.name) for member in self.members]
            turns = self._board.turns(_TURNS_SHOWN)
        except BoardFailed as exc:
            return {"board": str(exc), **known}
        chain = chain_view(self.members, reports, self._failures_to_open)
        return {
            "board": None,
            "current": chain[current(reports)],
            "chain": chain,
            **known,
            "calls": calls_view(turns),
        }

    async def snapshot(self) -> dict[str, object]:
        """The status as of `now`, read beside the loop: another process may be writing."""
        return {"now": time.time(), **await asyncio.to_thread(self.status)}

    def _services(self) -> list[dict[str, object]]:
        looks = self._lookout.looks
        return [
            {
                "name": target.name,
                "url": target.url,
                "used": target.used,
                "readiness": looks[target.name].readiness,
                "why": looks[target.name].why,
                "seconds": looks[target.name].seconds,
            }
            for target in self._lookout.targets
        ]
