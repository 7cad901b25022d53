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
from parley_kit.server import bind, serve


def main() -> int:
    name, values = sys.argv[1:]
    settings, create_app = _SERVICES[name](json.loads(values))
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  log lines are written, and read by no one
    configure("json", "info")
    service = create_app(settings)
    sock = bind("127.0.0.1", 0)
    ready = json.dumps({"port": sock.getsockname()[1]})
    threading.Thread(target=_announce, args=(service, ready), daemon=True).start()
    return serve(service, sock, settings)


_Made = tuple[Any, Callable[[Any], Service]]
"""Settings of a service, and what makes it of them."""


def _stt(values: Mapping[str, Any]) -> _Made:
    from parley_stt.app import create_app
    from parley_stt.settings import SttSettings

    return SttSettings(allow_anonymous=True, **values), create_app


def _tts(values: Mapping[str, Any]) -> _Made:
    from parley_tts.app import create_app
    from parley_tts.settings import TtsSettings

    return TtsSettings(allow_anonymous=True, **values), create_app


def _llm(values: Mapping[str, Any]) -> _Made:
    from parley_llm.app import create_app
    from parley_llm.settings import LlmSettings

    return LlmSettings(allow_anonymous=True, **values), create_app


def _ws_llm(values: Mapping[str, Any]) -> _Made:
    from parley_ws_llm.app import create_app
    from parley_ws_llm.settings import WsLlmSettings

    return WsLlmSettings(**values), create_app


# Imported when they run: not every environment has the packages of all.
_SERVICES: Mapping[str, Callable[[Mapping[str, Any]], _Made]] = {
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
