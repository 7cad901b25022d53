"""The model of `bench ws`: streams at the pace of a fast one, each delta the time it was sent at.

`python -m parley.bench.ws_upstream` serves until SIGTERM and prints its port as JSON. It is no
web framework's, so that it takes little of the machine that it shares with what is measured.
"""

import asyncio
import json
import random
import time

DELTAS = 60
EVERY_S = 0.04
"""25 tokens a second and stream; uneven, or all streams would come to march in step."""

_MODELS = b'{"object":"list","data":[{"id":"bench","object":"model"}]}'
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n"
_STOP = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
_DONE = b"data: [DONE]\n\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connections are closed after each answer: their ends are the ends of the streams."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            writer.write(_HEAD % (b"application/json", b"content-length: %d\r\n" % len(_MODELS)))
            writer.write(_MODELS)
        else:
            writer.write(_HEAD % (b"text/event-stream", b"connection: close\r\n"))
            await _stream(writer)
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        return  # the client was done
    finally:
        writer.close()


async def _stream(writer: asyncio.StreamWriter) -> None:
    for _ in range(DELTAS):
        await asyncio.sleep(random.uniform(0.5, 1.5) * EVERY_S)
        writer.write(_delta(f"{time.perf_counter():.6f} "))
        await writer.drain()
    writer.write(_STOP + _DONE)


def _delta(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: %s\n\n" % json.dumps(chunk).encode()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
