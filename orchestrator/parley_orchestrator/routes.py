"""Which WebSocket routes a speech service has: asked once, when a process starts."""

import asyncio
import logging
from typing import Literal, TypeAlias

import httpx2

from parley_orchestrator.llm.tls import tls_context

_log = logging.getLogger("parley.orchestrator")
_UPGRADE_REQUIRED = 426
# It said nothing about the route, only that it cannot talk to us now.
_SAYS_NOTHING = (401, 403, 408, 429, 500, 502, 503, 504)

Found: TypeAlias = Literal["yes", "no", "unknown"]


async def websocket_at(url: str, api_key: str, *, within_s: float) -> Found:
    """Ask for a WebSocket's route without a handshake, to which ours answers 426.

    `unknown` where the service is away, loading, or does not let us in.
    """
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        async with asyncio.timeout(within_s), httpx2.AsyncClient(verify=tls_context()) as client:
            status = (await client.get(url, headers=headers)).status_code
    except (httpx2.HTTPError, TimeoutError) as exc:
        _log.warning(
            "speech service cannot be reached", extra={"data": {"error": type(exc).__name__}}
        )
        return "unknown"
    if status in _SAYS_NOTHING:
        return "unknown"
    return "yes" if status == _UPGRADE_REQUIRED else "no"
