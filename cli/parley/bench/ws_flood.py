"""A client that asks without end: `python -m parley.bench.ws_flood URL KEY SOCKETS`, until SIGTERM.

Its sockets send chats as fast as they are taken and read every reply, polite in nothing but its
claim to the processor: a stranger's flood is made on a machine of the stranger's.
Prints a JSON line when it has begun.
"""

import asyncio
import itertools
import json
import os
import sys
from contextlib import suppress

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from parley.bench.ws_client import opened

_HELLO = [{"role": "user", "content": "hello"}]


async def _flood(url: str, key: str, begun: asyncio.Event) -> None:
    with suppress(ConnectionClosed):
        async with opened(url, key) as socket:
            await asyncio.gather(_ask(socket), _read(socket, begun))


async def _ask(socket: ClientConnection) -> None:
    for number in itertools.count():
        await socket.send(json.dumps({"type": "chat", "messages": _HELLO, "id": f"{number}"}))


async def _read(socket: ClientConnection, begun: asyncio.Event) -> None:
    async for _ in socket:
        begun.set()


async def _main() -> None:
    url, key, sockets = sys.argv[1:]
    os.nice(19)
    begun = asyncio.Event()
    async with asyncio.TaskGroup() as floods:
        for _ in range(int(sockets)):
            floods.create_task(_flood(url, key, begun))
        await begun.wait()
        print(json.dumps({"begun": True}), flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
