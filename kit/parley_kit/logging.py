"""Logs for people (`console`) or programs (`json`): a request id on every line, never user content.

What a caller said, wrote or heard does not belong in a log message, nor do keys; tests send
canaries through every service to hold that.
"""

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

request_id: ContextVar[str] = ContextVar("request_id", default="-")


# Made once: `json.dumps` with these arguments makes an encoder for every line.
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class _RequestId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            record.request_id = request_id.get()
        return True


class _RefusedHandshakes(logging.Filter):
    """Uvicorn calls it an error when a WebSocket is refused with a denial response.

    It was answered, the service has logged why, and every stranger could fill the log with it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != "ASGI callable returned without completing handshake."


# One, so that a logger that is configured again has it once.
_refused_handshakes = _RefusedHandshakes()


def outline(exc: BaseException) -> str:
    """The frames and types of an exception and its causes, without their messages.

    A message may quote what a caller sent; the place and the type are ours to log.
    """
    causes: list[str] = []
    cause: BaseException | None = exc
    while cause is not None and len(causes) < 5:
        frames = traceback.extract_tb(cause.__traceback__)
        where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames[:-7:-1])
        causes.append(f"{type(cause).__module__}.{type(cause).__qualname__} at {where or '?'}")
        cause = cause.__cause__ or cause.__context__
    return " | caused by ".join(causes)


class JsonFormatter(logging.Formatter):
    """One JSON object a line; `extra={"data": {...}}` adds fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
            **getattr(record, "data", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = outline(record.exc_info[1])
        return _encode(line)


class ConsoleFormatter(logging.Formatter):
    """`12:00:00.123 info  parley.stt req_… message key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        data = "".join(f" {key}={value}" for key, value in getattr(record, "data", {}).items())
        ident = getattr(record, "request_id", "-")
        line = (
            f"{time} {record.levelname.lower():7} {record.name} {ident} {record.getMessage()}{data}"
        )
        if record.exc_info and record.exc_info[1]:
            line += f"\n    {outline(record.exc_info[1])}"
        return line


def configure(form: Literal["json", "console"], level: str) -> None:
    """Send every log line of the process to standard error in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else ConsoleFormatter())
    handler.addFilter(_RequestId())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # These log addresses of every request; the edge's access line says it once, without queries.
    # At debug, uvicorn.error (where WebSockets log their frames) and openai also log content.
    for name in ("httpx2", "httpcore2", "openai", "uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_refused_handshakes)
