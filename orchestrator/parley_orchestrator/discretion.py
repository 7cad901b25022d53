"""No line of the log holds what was said: lines lose what they would tell.

LiveKit adds transcripts to some (`lk.pii.*`) and quotes texts in some exceptions. The process of a
call sends its lines to the worker's with their tracebacks written out, and asyncio writes the
exception that nobody took into the line itself, whoever logs it: so all exceptions are outlined.
"""

import logging

from parley_kit.logging import outline

_PRIVATE = "lk.pii."
_LOUDEST = {"livekit": logging.INFO, "livekit.agents": logging.INFO}


class _Discreet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("livekit"):
            _leave_transcripts_out(record)
        if record.exc_info and record.exc_info[1]:
            record.msg, record.args = f"{_message(record)}: {outline(record.exc_info[1])}", ()
            record.exc_info = record.exc_text = None
        return True


def _leave_transcripts_out(record: logging.LogRecord) -> None:
    for name in [name for name in vars(record) if name.startswith(_PRIVATE)]:
        delattr(record, name)
    if isinstance(record.args, tuple):
        record.args = tuple(_told(argument) for argument in record.args)


def _message(record: logging.LogRecord) -> str:
    """Without what asyncio adds in further lines: a task is shown with its exception's text."""
    message = record.getMessage()
    return message.partition("\n")[0] if record.name == "asyncio" else message


def _told(argument: object) -> object:
    return type(argument).__name__ if isinstance(argument, BaseException) else argument


def keep_conversations_out_of_the_logs() -> None:
    """For all handlers that the root has by now; again is harmless."""
    for name, level in _LOUDEST.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, level))
    for handler in logging.getLogger().handlers:
        if not any(isinstance(known, _Discreet) for known in handler.filters):
            handler.addFilter(_Discreet())
