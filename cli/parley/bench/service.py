"""One service for a benchmark: `python -m parley.bench.service stt '{"engine": ...}'`.

The second argument is JSON with settings. Prints its port as JSON when the engine is warm; serves
until SIGTERM.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from parley_kit.app import Service
from parley_kit.health import State
from parley_kit.logging import configure
from parley_kit.server import Server, bind, config


def main() -> int:
    name, settings = sys.argv[1:]
    service = _SERVICES[name](json.loads(settings))
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  log lines are written, and read by no one
    configure("json", "info")
    sock = bind("127.0.0.1", 0)
    server = Server(config(service, grace_s=5), service.health.mark_draining)
    service.on_failure = server.stop
    ready = json.dumps({"port": sock.getsockname()[1]})
    threading.Thread(target=_announce, args=(service, ready), daemon=True).start()
    server.run(sockets=[sock])
    return 0 if service.health.reason is None else 1


def _stt(settings: Mapping[str, Any]) -> Service:
    from parley_stt.app import create_app
    from parley_stt.settings import SttSettings

    return create_app(SttSettings(allow_anonymous=True, **settings))


def _tts(settings: Mapping[str, Any]) -> Service:
    from parley_tts.app import create_app
    from parley_tts.settings import TtsSettings

    return create_app(TtsSettings(allow_anonymous=True, **settings))


def _llm(settings: Mapping[str, Any]) -> Service:
    from parley_llm.app import create_app
    from parley_llm.settings import LlmSettings

    return create_app(LlmSettings(allow_anonymous=True, **settings))


def _ws_llm(settings: Mapping[str, Any]) -> Service:
    from parley_ws_llm.app import create_app
    from parley_ws_llm.settings import WsLlmSettings

    return create_app(WsLlmSettings(**settings))


# Imported when they run: not every environment has the packages of all.
_SERVICES: Mapping[str, Callable[[Mapping[str, Any]], Service]] = {
    "stt": _stt,
    "tts": _tts,
    "llm": _llm,
    "ws-llm": _ws_llm,
}


def _announce(service: Service, ready: str) -> None:
    while service.health.state is State.STARTING:
        time.sleep(0.01)
    if service.health.ready:
        print(ready, flush=True)


if __name__ == "__main__":
    sys.exit(main())
