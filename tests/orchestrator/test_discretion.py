"""What LiveKit would log of a conversation does not reach a handler."""

import asyncio
import gc
import io
import logging
from collections.abc import Iterator

import pytest

from parley_orchestrator.discretion import keep_conversations_out_of_the_logs

CANARY = "canary-4711"


class Everything(logging.Formatter):
    """Shows all that a record carries, as LiveKit's own formatters do."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{super().format(record)} {vars(record)}"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Everything())
    root, livekit = logging.getLogger(), logging.getLogger("livekit.agents")
    level = livekit.level
    root.addHandler(handler)
    livekit.setLevel(logging.DEBUG)
    keep_conversations_out_of_the_logs()
    yield stream
    root.removeHandler(handler)
    livekit.setLevel(level)


def failure() -> Exception:
    try:
        raise ValueError(f"no audio for {CANARY}")
    except ValueError as exc:
        return exc


def test_transcripts_are_left_out(output: io.StringIO) -> None:
    log = logging.getLogger("livekit.agents")
    log.warning("skipping reply", extra={"lk.pii.user_input": CANARY, "speech_id": "s1"})
    log.warning("failed to synthesize: %s, retrying in %ss", failure(), 0.1)
    log.error("Error in _run", exc_info=failure())
    log.debug("received user transcript", extra={"lk.pii.user_transcript": CANARY})

    written = output.getvalue()
    assert CANARY not in written
    assert "'speech_id': 's1'" in written
    assert "ValueError, retrying in 0.1s" in written
    assert "test_discretion.py" in written


def test_other_loggers_are_left_alone(output: io.StringIO) -> None:
    logging.getLogger("parley.test").warning("counted %s", 3, extra={"data": {"a": 1}})

    assert "counted 3" in output.getvalue()


def test_no_logger_shows_the_text_of_an_exception(output: io.StringIO) -> None:
    logging.getLogger("parley.test").error("a transport has a bug", exc_info=failure())

    assert CANARY not in output.getvalue()
    assert "a transport has a bug: builtins.ValueError at test_discretion.py" in output.getvalue()


def test_a_task_that_nobody_asked_how_it_went_is_told_without_its_exception(
    output: io.StringIO,
) -> None:
    async def fail() -> None:
        raise failure()

    async def forget_a_task() -> None:
        await asyncio.wait({asyncio.create_task(fail())})
        gc.collect()

    asyncio.run(forget_a_task())

    assert CANARY not in output.getvalue()
    assert "Task exception was never retrieved: builtins.ValueError at" in output.getvalue()
