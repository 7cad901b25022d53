"""Log lines: one form, a request id on each, nothing of what callers send."""

import json
import logging

import pytest
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from parley_kit.errors import InvalidApiKey
from parley_kit.logging import ConsoleFormatter, JsonFormatter, configure, outline, request_id
from parley_kit.sockets import deny
from tests.kit.demo import demo_service
from tests.serving import serve


@pytest.fixture(autouse=True)
def _keep_the_root_logger():  # type: ignore[no-untyped-def]
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def test_a_json_line_has_time_level_request_id_message_and_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("json", "info")
    token = request_id.set("req_7")
    logging.getLogger("parley.test").info("spoke", extra={"data": {"ms": 3}})
    request_id.reset(token)

    line = json.loads(capsys.readouterr().err)
    assert line["request_id"] == "req_7"
    assert (line["level"], line["message"], line["ms"]) == ("info", "spoke", 3)
    assert line["time"].endswith("+00:00")


def test_a_console_line_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure("console", "info")
    logging.getLogger("parley.test").info("spoke", extra={"data": {"ms": 3}})

    assert capsys.readouterr().err.rstrip().endswith("parley.test - spoke ms=3")


@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()])
def test_a_logged_exception_shows_its_type_and_place_but_not_its_message(
    formatter: logging.Formatter,
) -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, _raised())

    line = formatter.format(record)

    assert "ValueError at test_logging.py" in line
    assert "KeyError" in line
    assert "canary" not in line


def test_an_exception_that_was_never_raised_still_has_an_outline() -> None:
    assert outline(RuntimeError("canary")) == "builtins.RuntimeError at ?"


def _raised():  # type: ignore[no-untyped-def]
    try:
        try:
            raise KeyError("canary-inner")
        except KeyError as exc:
            raise ValueError("canary-outer") from exc
    except ValueError as exc:
        return type(exc), exc, exc.__traceback__


def test_a_refused_handshake_is_no_error_of_the_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    service = demo_service()

    @service.websocket("/v1/refused")
    async def refused(socket: WebSocket) -> None:
        await deny(socket, InvalidApiKey())

    configure("json", "info")
    configure("json", "info")
    with serve(service) as url, pytest.raises(InvalidStatus):
        connect(f"{url.replace('http', 'ws', 1)}/v1/refused")
    logging.getLogger("uvicorn.error").error("Something else.")

    logged = capsys.readouterr().err
    assert "handshake" not in logged
    assert logged.count("Something else.") == 1
