"""Live updates: a snapshot at once, another when something changed, and now and then anyway."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from parley_kit.context import RequestContext
from parley_kit.sse import event

_LOOK_EVERY_S = 0.5
_SAY_EVERY_S = 5.0
_BEFORE_DEADLINE_S = 2.0


async def updates(
    snapshot: Callable[[], Awaitable[Mapping[str, object]]],
    goes_on: Callable[[], bool],
    context: RequestContext,
) -> AsyncGenerator[bytes, None]:
    """Events, each a whole snapshot, until shortly before the request's deadline.

    Args:
        goes_on: whether the service still serves; a page must not hold up its end.
    """
    clock = asyncio.get_running_loop().time
    end = context.deadline - _BEFORE_DEADLINE_S
    shown: dict[str, object] = {}
    shown_at = float("-inf")
    while goes_on():
        now = await snapshot()
        content = {key: value for key, value in now.items() if key != "now"}
        if content != shown or clock() - shown_at >= _SAY_EVERY_S:
            shown, shown_at = content, clock()
            yield event(now)
        if clock() >= end:
            return
        await asyncio.sleep(_LOOK_EVERY_S)
