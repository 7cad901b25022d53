"""The services that take no time, in one process: `python -m parley.bench.turn_servers`.

Prints their addresses as JSON and serves until SIGTERM. `POST /gemini/{fault}` lets Gemini fail,
and `GET /asked` tells how often each model was asked.
"""

import asyncio
import json
import signal
from contextlib import AsyncExitStack

from aiohttp import web

from parley.bench.turn_models import Gemini, Model, Qwen
from parley.bench.turn_speech import speech_app


async def _main() -> None:
    gemini, qwen = Gemini(), Qwen()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with AsyncExitStack() as stack:
        for model in (gemini, qwen):
            await stack.enter_async_context(model.listening())
        app = speech_app()
        _add_control(app, gemini, {"gemini": gemini, "qwen": qwen})
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        urls = {"speech": f"http://{host}:{port}", "gemini": gemini.url, "qwen": qwen.url}
        print(json.dumps(urls), flush=True)
        await stopped.wait()


def _add_control(app: web.Application, gemini: Gemini, models: dict[str, Model]) -> None:
    async def become(request: web.Request) -> web.Response:
        await gemini.become(request.match_info["fault"])
        return web.Response()

    async def asked(request: web.Request) -> web.Response:
        return web.json_response({name: model.asked for name, model in models.items()})

    app.router.add_post("/gemini/{fault}", become)
    app.router.add_get("/asked", asked)


if __name__ == "__main__":
    asyncio.run(_main())
